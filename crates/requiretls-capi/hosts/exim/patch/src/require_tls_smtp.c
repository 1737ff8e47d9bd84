/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* One connection: what becomes known is told to the plan, and what it says is done. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

/* More certificates are no chain. */
# define CHAIN_MAX		20

/* What the options block had, before the plan's own needs were put there */

static smtp_transport_options_block * changed_options = NULL;
static const uschar *	own_sni;
# ifndef DISABLE_TLS_RESUME
static uschar *		own_resumption;
# endif

void
rt_restore_options(void)
{
if (!changed_options) return;
changed_options->tls_sni = US own_sni;
# ifndef DISABLE_TLS_RESUME
changed_options->tls_resumption_hosts = own_resumption;
# endif
changed_options = NULL;
}

/* This host is not to be used, by the addresses of the current next hop. It is a matter of this message and this host:
the host itself is well, so other messages for it are not to wait. */

static BOOL
refuse_for(smtp_context * sx, uschar * text)
{
const host_item * h = sx->conn_args.host;

RT_TRACE debug_printf("%s [%s]: %s\n", h->name, h->address, text);
rt.current->refused = rt.refused_now = rt.refused_some = TRUE;
RT_LOG(LOG_MAIN, "H=%s [%s] %s", h->name, h->address, text);
for (address_item * a = sx->addrlist; a; a = a->next)
  if (a->transport_return == PENDING_DEFER && (rt.for_callout || rt_is_for(a, rt.current)))
    {
    a->transport_return = DEFER;
    a->basic_errno = ERRNO_TLSREQUIRED;
    a->message = text;
    a->host_used = sx->conn_args.host;
    setflag(a, af_pass_message);
    }
sx->ok = FALSE;
return FALSE;
}

static BOOL
refuse(smtp_context * sx)
{
return refuse_for(sx, rt_sentence(rt.current->plan));
}

BOOL
require_tls_connect(smtp_context * sx, BOOL suppress_tls)
{
host_item * h = sx->conn_args.host;
smtp_transport_options_block * ob = sx->conn_args.ob;
const uschar * name;
const char * method, * sni;

rt_restore_options();
rt.refused_now = FALSE;
rt.current = rt_hop_of(sx->first_addr, h);

/* The second time at this host, in clear text, which the plan has allowed */

if (suppress_tls && rt.stays_clear)
  {
  rt.stays_clear = FALSE;
  return TRUE;
  }
rt_settle(rt.current, sx->addrlist);
rt.held = TRUE;
rt.starttls_due = rt.hello_due = rt.stays_clear = FALSE;
if (!rt.current->looked_up) return refuse(sx);
if (!(name = rt_judged_name(rt.current, h)))
  return refuse_for(sx, string_sprintf(
    RT_OURS "451 4.7.5 %s: it is not among the hosts that were found for the next hop", h->name));
rt.current->asked = TRUE;
if (rtls_plan_host(rt.current->plan, CCS name) != RTLS_GO)
  {
  /* Exim comes to a host once more, after TLS failed, or has more addresses of it than the library. */

  if (!rt_would_ask_nothing(rt.current, h)) return refuse(sx);
  rt.held = FALSE;
  return TRUE;
  }
rt.current->at_host = TRUE;
rt.current->sent = FALSE;
rt.current->refusal = 0;

# if REQUIRE_TLS_EXIM >= 4099
/* The client of ATRN called us: nothing says that it is the host that the plan is about. */

if (atrn_mode && !rt_asks_nothing(rt.current->plan)) return refuse(sx);
# endif

if (rt_asks_nothing(rt.current->plan))
  {
  rt.held = FALSE;
  return TRUE;
  }

/* The library judges the chain, so it must see it, and the peer must know which one to send. */

method = rtls_plan_get(rt.current->plan, RTLS_GET_METHOD, 0);
if (method && strcmp(method, "none") != 0)
  {
  changed_options = ob;
  own_sni = ob->tls_sni;
  if ((sni = rtls_plan_get(rt.current->plan, RTLS_GET_SNI, 0))) ob->tls_sni = string_copy(US sni);
# ifndef DISABLE_TLS_RESUME
  own_resumption = ob->tls_resumption_hosts;
  ob->tls_resumption_hosts = NULL;
# endif
  }
return TRUE;
}

void
require_tls_not_greeted(const smtp_context * sx)
{
int code;

if (  rt.held && errno == 0 && tls_out.active.sock < 0 && !rt.starttls_due
   && sscanf(CCS sx->buffer, "%3d", &code) == 1
   )
  rt.current->refusal = code;
}

/* What the library is to read: the reply to EHLO; nothing, if EHLO was refused and HELO worked. */

static const char *
hello_text(const smtp_context * sx)
{
return sx->esmtp || sx->lmtp ? CCS sx->buffer : "";
}

/* Exim takes "not now" in reply to EHLO for "never", and goes on with HELO. Nothing certain follows from that. */

static BOOL
not_now(const smtp_context * sx)
{
return !sx->esmtp && !sx->lmtp && sx->buffer[0] == '4';
}

BOOL
require_tls_clear_hello(smtp_context * sx)
{
int action;

if (!rt.held) return TRUE;
if (  not_now(sx) && !rt.hello_due
   && rtls_plan_tls_failed(rt.current->plan, RTLS_TLS_LOST, "EHLO was answered 4yz") != RTLS_GO
   )
  return refuse(sx);
action = rtls_plan_ehlo(rt.current->plan, hello_text(sx), RTLS_NUL);
rt.starttls_due = action == RTLS_STARTTLS;
rt.hello_due = FALSE;
return rt.starttls_due || action == RTLS_GO || refuse(sx);
}

/* TLS failed. If the plan lets the message go in clear text Exim's own settings decide. */

static BOOL
tls_failed(smtp_context * sx, int how, const char * why)
{
rt.starttls_due = FALSE;
if (rtls_plan_tls_failed(rt.current->plan, how, why) != RTLS_GO) return refuse(sx);
rt.hello_due = rt.stays_clear = TRUE;
return TRUE;
}

BOOL
require_tls_starttls_refused(smtp_context * sx, const uschar * reply)
{
int save_errno = errno, code = 0;
BOOL yield;

if (!rt.held) return TRUE;
if (save_errno != 0 || sscanf(CCS reply, "%3d", &code) != 1)
  {
  code = RTLS_TLS_LOST;
  sx->send_quit = FALSE;
  }
yield = tls_failed(sx, code, code == RTLS_TLS_LOST ? "no reply to STARTTLS" : CCS reply);
if (yield) sx->send_quit = TRUE;
errno = save_errno;
return yield;
}

BOOL
require_tls_handshake_failed(smtp_context * sx, const uschar * why)
{
return !rt.held || tls_failed(sx, RTLS_TLS_REJECTED, CCS why);
}

BOOL
require_tls_started(smtp_context * sx)
{
rtls_bytes chain[CHAIN_MAX];
const uschar * cipher = tls_out.cipher, * s;
const char * method;
size_t n;

if (!rt.held) return TRUE;
rt.starttls_due = FALSE;

/* The name stands between the version and the number of bits. */

if (cipher && (s = Ustrchr(cipher, ':')))
  {
  const uschar * end = Ustrchr(++s, ':');
  cipher = end ? string_copyn(s, end - s) : s;
  }
if (rtls_plan_tls(rt.current->plan, CCS tls_out.ver, CCS cipher) != RTLS_GO) return refuse(sx);

n = tls_peer_chain(sx->cctx.tls_ctx, chain, CHAIN_MAX);
if (rtls_plan_peer(rt.current->plan, chain, n) != RTLS_GO) return refuse(sx);

method = rtls_plan_get(rt.current->plan, RTLS_GET_METHOD, 0);
if (method && strcmp(method, "none") != 0)
  {
  tls_out.certificate_verified = TRUE;
  tls_out.dane_verified = strstr(method, "dane") != NULL;
  }
return TRUE;
}

BOOL
require_tls_hello(smtp_context * sx)
{
if (!rt.held) return TRUE;
if (tls_out.active.sock >= 0)
  {
  if (not_now(sx))
    {
    int code = 0;
    (void) sscanf(CCS sx->buffer, "%3d", &code);
    (void) rtls_plan_tls_failed(rt.current->plan, code, CCS sx->buffer);
    return refuse(sx);
    }
  }
else
  {
  if (rt.starttls_due && !tls_failed(sx, RTLS_TLS_LOST, "STARTTLS is switched off for this host")) return FALSE;
  rt.stays_clear = FALSE;
  if (!rt.hello_due) return TRUE;
  rt.hello_due = FALSE;
  }
return rtls_plan_ehlo(rt.current->plan, hello_text(sx), RTLS_NUL) == RTLS_GO || refuse(sx);
}

uschar *
require_tls_mail(smtp_context * sx, uschar * p, BOOL * asks)
{
char params[RTLS_PARAMS_SIZE];
const char * ret;

*asks = FALSE;
if (!rt.held) return p;
if (rtls_plan_mail_params(rt.current->plan, params, sizeof(params)) != RTLS_GO)
  {
  (void) refuse(sx);
  return NULL;
  }
rt.current->sent = TRUE;
*asks = *require_tls_tag() != 0;
if ((ret = rtls_plan_get(rt.current->plan, RTLS_GET_RET, 0)) && strcmp(ret, "HDRS") == 0)
  dsn_ret = dsn_ret_hdrs;
strcpy(CS p, params);
return p + strlen(params);
}

int
require_tls_mail_refused(smtp_context * sx)
{
int save_errno = errno, code = 0, action;

if (!rt.held || save_errno != 0 || sscanf(CCS sx->buffer, "%3d", &code) != 1) return REQUIRE_TLS_STAYS;
action = rtls_plan_mail_reply(rt.current->plan, code, CCS sx->buffer);
errno = save_errno;
if (action == RTLS_GO) return REQUIRE_TLS_STAYS;

if (action == RTLS_AGAIN)
  {
  uschar reply[256];
  if (  smtp_write_command(sx, SCMD_FLUSH, "RSET\r\n") >= 0
     && smtp_read_response(sx, reply, sizeof(reply), '2', 60)
     )
    return REQUIRE_TLS_AGAIN;
  }
(void) refuse(sx);
return REQUIRE_TLS_LEFT;
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_smtp.c */
