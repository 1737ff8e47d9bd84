/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* REQUIRETLS (RFC 8689) and the TLS policy of the next hop, DANE and MTA-STS, by librequiretls.

Two questions are asked of the library. What did the sender require? Its answer, the tag, is kept in the ACL message
variable $acl_m_requiretls, so that every Exim can read the spool file, and an ACL can set or read it. May this message
go to that host? A plan for each next hop is asked before there is a connection, and after each fact that becomes known
on it. It is asked in the process that delivers, as Exim's user, and in the process that does a callout.

A message that the library asks nothing of at a host, because neither its sender nor the site nor the recipient's
domain does, is delivered there as if this file did not exist. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# include "transports/smtp.h"

# if REQUIRE_TLS_EXIM >= 4099
#  define LOG(flags, ...)	log_write((flags), __VA_ARGS__)
#  define LOG_DIE(...)		log_write_die(LOG_MAIN, __VA_ARGS__)
#  define DRIVER(instance)	((instance)->drinst.driver_name)
#  define TRACE		DEBUG(transport)
# else
#  define LOG(flags, ...)	log_write(0, (flags), __VA_ARGS__)
#  define LOG_DIE(...)		log_write(0, LOG_MAIN|LOG_PANIC_DIE, __VA_ARGS__)
#  define DRIVER(instance)	((instance)->driver_name)
#  define TRACE		DEBUG(D_transport)
# endif

/* As long as Exim waits for a name server that does not answer, and once more for a policy's web server. */
# define LOOKUP_MS		30000

/* More certificates are no chain. */
# define CHAIN_MAX		20

const uschar *	require_tls_parent = NULL;
BOOL		require_tls_child = FALSE;


/*************************************************
*              The library's context             *
*************************************************/

static rtls_ctx *	ctx = NULL;
static char		ctx_error[256];

static void
to_log(void * arg, int level, const char * line)
{
if (level <= 3) LOG(LOG_MAIN|LOG_PANIC, "requiretls: %s", line);
else if (level <= 5) LOG(LOG_MAIN, "requiretls: %s", line);
else TRACE debug_printf("requiretls: %s\n", line);
}

/* The configuration is read once in each program; a process that it forks has it too. Without it there is no context,
and the library then holds whatever it is asked about: what the site requires is not known. */

static const rtls_ctx *
context(void)
{
static BOOL tried = FALSE;

if (!tried)
  {
  tried = TRUE;
  if (rtls_open(&ctx, NULL, ctx_error, sizeof(ctx_error)) != RTLS_GO)
    LOG(LOG_MAIN|LOG_PANIC, "requiretls: %s", ctx_error);
  else
    {
    rtls_set_log(ctx, to_log, NULL);
    rtls_set_log_level(ctx, 5);
    TRACE rtls_set_log_level(ctx, 7);
    }
  }
return ctx;
}

/* For the daemon, which must not start without. */

void
require_tls_check(void)
{
if (!context()) LOG_DIE("requiretls: %s", ctx_error);
}


/*************************************************
*          What did the sender require?          *
*************************************************/

static rtls_mail	mail;

/* The tag of the current message, "" if it has none. It may be a text that is none, of an ACL's making; then the
library says so, and every delivery is deferred. */

const uschar *
require_tls_tag(void)
{
const tree_node * node = tree_search(acl_var_m, US"m_requiretls");
return node && node->data.ptr ? node->data.ptr : US"";
}

static void
keep_tag(const char * tag)
{
acl_var_create(US"m_requiretls")->data.ptr = string_copy(US tag);
}

/* The reply to EHLO gets the lines that the library has for it: outside TLS there are none (RFC 8689 section 2). */

gstring *
require_tls_keywords(gstring * g, const uschar * code)
{
const char * keyword;

for (size_t i = 0;
     keyword = rtls_ehlo_keyword(context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0, i);
     i++)
  {
  g = string_catn(g, code, 3);
  g = string_catn(g, US"-", 1);
  g = string_cat(g, US keyword);
  g = string_catn(g, US"\r\n", 2);
  }
return g;
}

void
require_tls_mail_begin(void)
{
rtls_mail_begin(&mail, sizeof(mail), context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0);
}

/* The reply to a MAIL command that asks wrongly, and a line in the main and reject logs. */

static void
refuse_mail(void)
{
LOG(LOG_MAIN|LOG_REJECT, "%s rejected MAIL: %s %s", host_and_ident(TRUE), mail.reply.enhanced, mail.reply.text);
smtp_printf("%d %s %s\r\n", FALSE, mail.reply.code, mail.reply.enhanced, mail.reply.text);
}

/* One MAIL parameter that Exim does not know.

Arguments:
  name, value	the same pointer if there was no equals sign
  refused	set TRUE if the command has been answered

Returns:	FALSE if the parameter is not the library's either
*/

BOOL
require_tls_mail_param(const uschar * name, const uschar * value, BOOL * refused)
{
int rc = rtls_mail_param(&mail, CCS name, RTLS_NUL, value == name ? NULL : CCS value, RTLS_NUL);

if ((*refused = rc != RTLS_NOT_OURS && rc != RTLS_TAKEN)) refuse_mail();
return rc != RTLS_NOT_OURS;
}

/* After the last parameter. A bounce of a message that requires TLS returns the header only (RFC 8689 section 5),
whatever RET says.

Returns:	FALSE if the command has been answered
*/

BOOL
require_tls_mail_end(void)
{
char tag[RTLS_TAG_SIZE];
int rc = rtls_mail_end(&mail, tag, sizeof(tag));

if (rc == RTLS_NOT_OURS) return TRUE;
if (rc != RTLS_TAKEN)
  {
  refuse_mail();
  return FALSE;
  }
keep_tag(tag);
if (require_tls_headers_only()) dsn_ret = dsn_ret_hdrs;
return TRUE;
}

/* When the header section is there: the tag so far, the tag of the message that this one is about, and TLS-Required.
The stricter wins; a header field never lowers what a parameter or an ACL has asked for. */

void
require_tls_headers(void)
{
char tag[RTLS_TAG_SIZE];
const uschar * old = require_tls_tag();

rtls_mail_begin(&mail, sizeof(mail), context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0);
if (rtls_mail_tag(&mail, CCS old, RTLS_NUL, 0) == RTLS_REFUSED) return;
if (require_tls_parent)
  (void) rtls_mail_tag(&mail, CCS require_tls_parent, RTLS_NUL, f.trusted_caller ? 0 : RTLS_F_RAISE_ONLY);

for (const header_line * h = header_list; h; h = h->next)
  {
  const uschar * colon;
  if (h->type != htype_old && h->text && (colon = Ustrchr(h->text, ':')))
    (void) rtls_mail_header(&mail, CCS h->text, colon - h->text, CCS (colon + 1), h->slen - (colon + 1 - h->text));
  }

/* A refusal is kept as well: "!" is what every delivery is deferred for. */

if (rtls_mail_end(&mail, tag, sizeof(tag)) != RTLS_NOT_OURS && Ustrcmp(tag, old) != 0)
  keep_tag(tag);
if (require_tls_headers_only()) dsn_ret = dsn_ret_hdrs;
}

/* May a bounce of this message return the header only? */

BOOL
require_tls_headers_only(void)
{
rtls_mail m;
const char * ret;

rtls_mail_begin(&m, sizeof(m), context(), 0);
(void) rtls_mail_tag(&m, CCS require_tls_tag(), RTLS_NUL, 0);
ret = rtls_mail_get(&m, RTLS_GET_RET);
return ret && strcmp(ret, "HDRS") == 0;
}

/* The Status field of a bounce: the code of the library's sentence, if that is why the address failed. */

static const uschar	ours[] = "requiretls: ";

const uschar *
require_tls_status(const address_item * addr)
{
unsigned a, b, c;

if (  addr->message
   && Ustrncmp(addr->message, ours, sizeof(ours) - 1) == 0
   && sscanf(CCS addr->message + sizeof(ours) - 1, "5%*2u %1u.%3u.%3u", &a, &b, &c) == 3
   && a == 5
   )
  return string_sprintf("%u.%u.%u", a, b, c);
return US"5.0.0";
}


/*************************************************
*      Which name was a host configured by?      *
*************************************************/

/* A lookup puts the target of a CNAME, or what the hosts file says, in the place of a host's name. The library must
judge the name before that: nothing vouches for the way from one to the other. So the names that stand in the
configuration are remembered here. They are few, and kept for the life of the process. */

typedef struct configured_host {
  struct configured_host * next;
  const uschar *	name;		/* in the configuration */
  const uschar *	found;		/* what the lookup made of it */
  const uschar *	address;
  BOOL			by_mx;		/* it is a domain, whose MX records were looked up */
} configured_host;

static configured_host *	configured_hosts = NULL;
static const uschar *		configured_name = NULL;

/* Before the lookup */

void
require_tls_configured(const uschar * name)
{
configured_name = string_copy(name);
}

/* After it: the hosts from first up to, not including, end came of the name. */

void
require_tls_found(const host_item * first, const host_item * end)
{
int len;
BOOL by_mx;
const uschar * name = configured_name;

if (!name) return;
configured_name = NULL;
len = Ustrlen(name);
if ((by_mx = len > 3 && strcmpic(name + len - 3, US"/mx") == 0))
  name = string_copyn(name, len - 3);

for (const host_item * h = first; h && h != end; h = h->next) if (h->address)
  {
  configured_host * c;
  for (c = configured_hosts; c; c = c->next)
    if (strcmpic(c->found, h->name) == 0 && Ustrcmp(c->address, h->address) == 0) break;
  if (!c)
    {
    c = store_malloc(sizeof(*c));
    c->next = configured_hosts;
    c->found = string_copy_malloc(h->name);
    c->address = string_copy_malloc(h->address);
    configured_hosts = c;
    }
  c->name = string_copy_malloc(name);
  c->by_mx = by_mx;
  }
}

static const configured_host *
configured_as(const host_item * h)
{
for (const configured_host * c = configured_hosts; c; c = c->next)
  if (h->address && strcmpic(c->found, h->name) == 0 && Ustrcmp(c->address, h->address) == 0)
    return c;
return NULL;
}


/*************************************************
*             The plan of a next hop             *
*************************************************/

typedef struct known_host {
  struct known_host *	next;
  const uschar *	name;
  const uschar *	address;
} known_host;

typedef struct next_hop {
  struct next_hop *	next;
  const uschar *	name;		/* the domain; for a route of the site's own its first host */
  unsigned		port;
  rtls_plan *		plan;
  known_host *		hosts;		/* that the lookup found */
  BOOL hosts_known:1;
  BOOL looked_up:1;
  BOOL refused:1;			/* the plan was against at least one host, or against all */
  BOOL at_host:1;			/* its current host is not settled yet */
  BOOL sent:1;				/* and may have seen a MAIL command */
} next_hop;

/* The hosts of one run of a transport, or of one callout */

static next_hop *	next_hops = NULL;
static host_item *	route = NULL;		/* the site's own hosts; NULL: the MX records of each domain */
static const uschar *	route_name = NULL;
static BOOL		route_by_mx = FALSE;
static BOOL		for_callout = FALSE;
static int		default_port = 25;

/* The connection that is being made or used */

static next_hop *	current = NULL;
static BOOL		held = FALSE;		/* something is asked of it */
static BOOL		starttls_due = FALSE;
static BOOL		hello_due = FALSE;
static BOOL		stays_clear = FALSE;	/* TLS failed, and the plan allows to go on without */
static BOOL		refused_now = FALSE;	/* by this connection's plan */
static BOOL		refused_some = FALSE;	/* at this host, for any of the addresses */

/* What the options block had, before the plan's own needs were put there */

static smtp_transport_options_block * changed_options = NULL;
static const uschar *	own_sni;
# ifndef DISABLE_TLS_RESUME
static uschar *		own_resumption;
# endif

static rtls_plan *
new_plan(const next_hop * hop)
{
unsigned flags = 0;
rtls_plan * plan;

/* A callout has an empty path on behalf of a message that has none (RFC 8689 section 5 is not about it). */

if ((!sender_address || !*sender_address) && (for_callout || !return_path || !*return_path))
  flags |= RTLS_F_NULL_PATH;

plan = rtls_plan_new(context(), CCS hop->name, hop->port, CCS require_tls_tag(), flags);
if (route && !route_by_mx)
  {
  const uschar * last = US"";
  for (const host_item * h = route; h; h = h->next)
    {
    const configured_host * c = configured_as(h);
    const uschar * name = c ? c->name : h->name;
    if (c && c->by_mx || strcmpic(name, last) == 0) continue;
    if (!c)
      {				/* not looked up yet: it may have a port */
      host_item copy = *h;
      copy.name = string_copy(name);
      (void) host_item_get_port(&copy);
      name = copy.name;
      }
    (void) rtls_plan_add_host(plan, CCS name);
    last = name;
    }
  }
return plan;
}

static next_hop *
hop_of(const address_item * addr, const host_item * h)
{
const uschar * name = route ? route_name : addr->domain;
unsigned port = h && h->port != PORT_NONE ? h->port : default_port;
next_hop * hop;

for (hop = next_hops; hop; hop = hop->next)
  if (strcmpic(hop->name, name) == 0 && hop->port == port) return hop;

hop = store_malloc(sizeof(*hop));
memset(hop, 0, sizeof(*hop));
hop->name = string_copy_malloc(name);
hop->port = port;
hop->next = next_hops;
next_hops = hop;
hop->plan = new_plan(hop);
hop->looked_up = rtls_plan_lookup(hop->plan, LOOKUP_MS) == RTLS_GO;
if (!hop->looked_up) hop->refused = TRUE;
return hop;
}

static BOOL
is_for(const address_item * addr, const next_hop * hop)
{
return strcmpic(hop->name, route ? route_name : addr->domain) == 0;
}

/* The name that the library knows a host by: what stands in the MX record, or in the configuration. */

static const uschar *
judged_name(next_hop * hop, const host_item * h)
{
if (route && !route_by_mx)
  {
  const configured_host * c = configured_as(h);
  return c && !c->by_mx ? c->name : h->name;
  }

/* What Exim has is the name behind a CNAME, if there is one. The addresses tell which host it is. */

if (!hop->hosts_known)
  {
  rtls_plan * plan = new_plan(hop);
  char name[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "";

  hop->hosts_known = TRUE;
  if (rtls_plan_lookup(plan, 0) == RTLS_GO)
    while (rtls_plan_next(plan, name, sizeof(name)) == RTLS_GO)
      {
      const char * address;
      if (strcmp(name, last) == 0) continue;	/* once for each address */
      strcpy(last, name);
      for (size_t i = 0; (address = rtls_plan_get(plan, RTLS_GET_ADDRESS, i)); i++)
	{
	known_host * k = store_get(sizeof(*k), GET_UNTAINTED);
	k->name = string_copy(US name);
	k->address = string_copy(US address);
	k->next = hop->hosts;
	hop->hosts = k;
	}
      }
  rtls_plan_free(plan);
  }

for (const known_host * k = hop->hosts; k; k = k->next)
  if (strcmpic(k->name, h->name) == 0) return h->name;
for (const known_host * k = hop->hosts; k; k = k->next)
  if (h->address && Ustrcmp(k->address, h->address) == 0) return k->name;
return h->name;
}

/* Is nothing asked of this host: no tag, and a plan that is content with clear text? */

static BOOL
asks_nothing(const rtls_plan * plan)
{
const char * level = rtls_plan_get(plan, RTLS_GET_LEVEL, 0);
return !*require_tls_tag() && level && strcmp(level, "may") == 0;
}

/* The same, before there is a connection to it; another plan is asked, so that the hop's own is where it was. */

static BOOL
would_ask_nothing(next_hop * hop, const host_item * h)
{
rtls_plan * plan;
BOOL yield;

if (!hop->looked_up || *require_tls_tag()) return FALSE;
plan = new_plan(hop);
yield = rtls_plan_lookup(plan, 0) == RTLS_GO
     && rtls_plan_host(plan, CCS judged_name(hop, h)) == RTLS_GO
     && asks_nothing(plan);
rtls_plan_free(plan);
return yield;
}

/* Tells the plan how it went at its last host, by what became of the addresses. */

static void
settle(next_hop * hop, const address_item * addrlist)
{
int code = hop->sent ? 451 : 0;

if (!hop->at_host) return;
hop->at_host = FALSE;
for (const address_item * a = addrlist; a; a = a->next)
  if (is_for(a, hop))
    if (a->transport_return == OK) code = 250;
    else if (a->transport_return == FAIL && code != 250) code = 550;
(void) rtls_plan_done(hop->plan, hop->sent ? code : 0, NULL, NULL);
hop->sent = FALSE;
}

/* The sentence for the latest refusal, and for all that was tried */

static uschar *
sentence(const rtls_plan * plan)
{
const char * why = ctx ? rtls_plan_get(plan, RTLS_GET_WHY, 0) : ctx_error;
return string_sprintf("%s%s", ours, why ? why : "the library gives no reason");
}

static uschar *
final_sentence(const rtls_plan * plan, int * action)
{
rtls_reply r;

*action = rtls_plan_verdict(plan, &r);
return ctx
  ? string_sprintf("%s%d %s %s", ours, r.code, r.enhanced, r.text)
  : string_sprintf("%s451 4.3.0 %s", ours, ctx_error);
}

static void
restore_options(void)
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
refuse(smtp_context * sx)
{
uschar * text = sentence(current->plan);
const host_item * h = sx->conn_args.host;

TRACE debug_printf("%s [%s]: %s\n", h->name, h->address, text);
current->refused = refused_now = refused_some = TRUE;
LOG(LOG_MAIN, "H=%s [%s] %s", h->name, h->address, text);
for (address_item * a = sx->addrlist; a; a = a->next)
  if (a->transport_return == PENDING_DEFER && (for_callout || is_for(a, current)))
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


/*************************************************
*         One run of the smtp transport          *
*************************************************/

static void
forget(void)
{
restore_options();
for (next_hop * hop = next_hops, * next; hop; hop = next)
  {
  next = hop->next;
  rtls_plan_free(hop->plan);
  store_free(US hop->name);
  store_free(hop);
  }
next_hops = current = NULL;
held = starttls_due = hello_due = stays_clear = refused_now = refused_some = FALSE;
}

/* Where do the hosts come from? A dnslookup router leaves the judgement of MX records to the library. Every other one,
and the options of the transport, name hosts by the site's own will. */

static void
set_route(const address_item * addr, host_item * hosts, BOOL by_transport)
{
const configured_host * c;

route = NULL;
route_by_mx = FALSE;
if (  !by_transport
   && addr->router
   && (Ustrcmp(DRIVER(addr->router), "dnslookup") == 0 || Ustrcmp(DRIVER(addr->router), "ipliteral") == 0)
   )
  return;
if (!hosts) return;

if ((c = configured_as(hosts)))
  {
  route_name = c->name;
  route_by_mx = c->by_mx;
  }
else
  {
  host_item copy = *hosts;
  copy.name = string_copy(hosts->name);
  (void) host_item_get_port(&copy);
  route_name = copy.name;
  }
route = hosts;
}

/* A connection that was open already is not for a message that anything is asked for: it was made for others, without
its plan. It is closed, and the transport goes on with connections of its own. */

static void
leave_continued(void)
{
int fd = cutthrough.cctx.sock >= 0 ? cutthrough.cctx.sock : 0;

LOG(LOG_MAIN, "%snot over the connection to %s [%s] that is open already", ours,
  continue_hostname, continue_host_address);
if (cutthrough.cctx.sock >= 0 && cutthrough.is_tls)
  {
  (void) tls_write(cutthrough.cctx.tls_ctx, US"QUIT\r\n", 6, FALSE);
  tls_close(cutthrough.cctx.tls_ctx, TLS_SHUTDOWN_NOWAIT);
  cutthrough.cctx.tls_ctx = NULL;
  cutthrough.is_tls = FALSE;
  }
else if (write(fd, "QUIT\r\n", 6) < 0)
  TRACE debug_printf("the peer is gone\n");
(void) close(fd);
cutthrough.cctx.sock = -1;
continue_transport = continue_hostname = NULL;
continue_proxy_cipher = NULL;
f.continue_more = FALSE;
continue_sequence = 1;
}

/* Before the first host. The facts of all next hops are looked up; an address whose plan allows no host at all is
settled, or waits (DECLINE, until require_tls_end) while the others go. */

void
require_tls_begin(address_item * addrlist, host_item * hosts, int port)
{
BOOL stays = TRUE;

forget();
for_callout = FALSE;
default_port = port;
set_route(addrlist, hosts, hosts != addrlist->host_list || hosts == addrlist->fallback_hosts);
if (f.queue_smtp || f.dont_deliver) return;

for (address_item * a = addrlist; a; a = a->next) if (a->transport_return == DEFER)
  {
  next_hop * hop = hop_of(a, hosts);
  if (!hop->looked_up)
    {
    int action;
    a->message = final_sentence(hop->plan, &action);
    a->basic_errno = ERRNO_TLSREQUIRED;
    a->transport_return = action == RTLS_BOUNCE ? FAIL : DECLINE;
    setflag(a, af_pass_message);
    }
  else if (continue_hostname)
    {
    const host_item * h;
    for (h = hosts; h; h = h->next)
      if (Ustrcmp(h->name, continue_hostname) == 0) break;
    if (!h || !would_ask_nothing(hop, h)) stays = FALSE;
    }
  }
if (continue_hostname && !stays) leave_continued();
}

/* After the last host: does the plan say more than what Exim would do? An address that is done with keeps its result. */

void
require_tls_verdict(address_item * addrlist)
{
for (address_item * a = addrlist; a; a = a->next) if (a->transport_return == DEFER)
  for (next_hop * hop = next_hops; hop; hop = hop->next)
    if (hop->refused && is_for(a, hop))
      {
      int action;
      uschar * text;

      settle(hop, addrlist);
      text = final_sentence(hop->plan, &action);
      if (action == RTLS_BOUNCE)
	a->transport_return = FAIL;
      else if (action == RTLS_GO || a->basic_errno != ERRNO_TLSREQUIRED)
	continue;
      a->basic_errno = ERRNO_TLSREQUIRED;
      a->message = text;
      setflag(a, af_pass_message);
      }
}

void
require_tls_end(address_item * addrlist)
{
for (address_item * a = addrlist; a; a = a->next)
  if (a->transport_return == DECLINE) a->transport_return = DEFER;
forget();
}

/* Was the library against this connection? */

BOOL
require_tls_refused(void)
{
return refused_now;
}

/* The host was tried: was the library against it, for any of the addresses? */

BOOL
require_tls_tried(void)
{
BOOL yield = refused_some;
refused_some = FALSE;
return yield;
}

/* Is anything asked of the current connection? Then it is neither handed on nor pipelined early. */

BOOL
require_tls_holds(void)
{
return held;
}


/*************************************************
*                 One connection                 *
*************************************************/

/* All of these return FALSE when the host is to be left; the addresses have been told why. */

/* Before the connection is made */

BOOL
require_tls_connect(smtp_context * sx, BOOL suppress_tls)
{
host_item * h = sx->conn_args.host;
smtp_transport_options_block * ob = sx->conn_args.ob;
const char * method, * sni;

restore_options();
refused_now = FALSE;
current = hop_of(sx->first_addr, h);

/* The second time at this host, in clear text, which the plan has allowed */

if (suppress_tls && stays_clear)
  {
  stays_clear = FALSE;
  return TRUE;
  }
settle(current, sx->addrlist);
held = TRUE;
starttls_due = hello_due = stays_clear = FALSE;
if (  !current->looked_up
   || rtls_plan_host(current->plan, CCS judged_name(current, h)) != RTLS_GO
   )
  {
  /* Exim comes to a host once more, after TLS failed, or has more addresses of it than the library. */

  if (!would_ask_nothing(current, h)) return refuse(sx);
  held = FALSE;
  return TRUE;
  }
current->at_host = TRUE;
current->sent = FALSE;

# if REQUIRE_TLS_EXIM >= 4099
/* The client of ATRN called us: nothing says that it is the host that the plan is about. */

if (atrn_mode && !asks_nothing(current->plan)) return refuse(sx);
# endif

if (asks_nothing(current->plan))
  {
  held = FALSE;
  return TRUE;
  }

/* The library judges the chain, so it must see it, and the peer must know which one to send. */

method = rtls_plan_get(current->plan, RTLS_GET_METHOD, 0);
if (method && strcmp(method, "none") != 0)
  {
  changed_options = ob;
  own_sni = ob->tls_sni;
  if ((sni = rtls_plan_get(current->plan, RTLS_GET_SNI, 0))) ob->tls_sni = string_copy(US sni);
# ifndef DISABLE_TLS_RESUME
  own_resumption = ob->tls_resumption_hosts;
  ob->tls_resumption_hosts = NULL;
# endif
  }
return TRUE;
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

/* The reply to EHLO in clear text */

BOOL
require_tls_clear_hello(smtp_context * sx)
{
int action;

if (!held) return TRUE;
if (  not_now(sx) && !hello_due
   && rtls_plan_tls_failed(current->plan, RTLS_TLS_LOST, "EHLO was answered 4yz") != RTLS_GO
   )
  return refuse(sx);
action = rtls_plan_ehlo(current->plan, hello_text(sx), RTLS_NUL);
starttls_due = action == RTLS_STARTTLS;
hello_due = FALSE;
return starttls_due || action == RTLS_GO || refuse(sx);
}

/* TLS failed. If the plan lets the message go in clear text Exim's own settings decide. */

static BOOL
tls_failed(smtp_context * sx, int how, const char * why)
{
starttls_due = FALSE;
if (rtls_plan_tls_failed(current->plan, how, why) != RTLS_GO) return refuse(sx);
hello_due = stays_clear = TRUE;
return TRUE;
}

/* STARTTLS was answered with anything but 2yz, or not at all. errno and the reply are as they were, afterwards. */

BOOL
require_tls_starttls_refused(smtp_context * sx, const uschar * reply)
{
int save_errno = errno, code = 0;
BOOL yield;

if (!held) return TRUE;
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
return !held || tls_failed(sx, RTLS_TLS_REJECTED, CCS why);
}

/* The handshake is over: version, cipher and certificates. What the library has verified goes into the log line. */

BOOL
require_tls_started(smtp_context * sx)
{
rtls_bytes chain[CHAIN_MAX];
const uschar * cipher = tls_out.cipher, * s;
const char * method;
size_t n;

if (!held) return TRUE;
starttls_due = FALSE;

/* The name stands between the version and the number of bits. */

if (cipher && (s = Ustrchr(cipher, ':')))
  {
  const uschar * end = Ustrchr(++s, ':');
  cipher = end ? string_copyn(s, end - s) : s;
  }
if (rtls_plan_tls(current->plan, CCS tls_out.ver, CCS cipher) != RTLS_GO) return refuse(sx);

n = tls_peer_chain(sx->cctx.tls_ctx, chain, CHAIN_MAX);
if (rtls_plan_peer(current->plan, chain, n) != RTLS_GO) return refuse(sx);

method = rtls_plan_get(current->plan, RTLS_GET_METHOD, 0);
if (method && strcmp(method, "none") != 0)
  {
  tls_out.certificate_verified = TRUE;
  tls_out.dane_verified = strstr(method, "dane") != NULL;
  }
return TRUE;
}

/* The last reply to EHLO: inside TLS, or in clear text where that is how it ends. MAIL may follow. */

BOOL
require_tls_hello(smtp_context * sx)
{
if (!held) return TRUE;
if (tls_out.active.sock >= 0)
  {
  if (not_now(sx))
    {
    int code = 0;
    (void) sscanf(CCS sx->buffer, "%3d", &code);
    (void) rtls_plan_tls_failed(current->plan, code, CCS sx->buffer);
    return refuse(sx);
    }
  }
else
  {
  if (starttls_due && !tls_failed(sx, RTLS_TLS_LOST, "STARTTLS is switched off for this host")) return FALSE;
  stays_clear = FALSE;
  if (!hello_due) return TRUE;
  hello_due = FALSE;
  }
return rtls_plan_ehlo(current->plan, hello_text(sx), RTLS_NUL) == RTLS_GO || refuse(sx);
}

/* One connection may be for addresses of several domains, each with a plan of its own. Before it is made, those whose
plan has to be asked are set aside, as Exim does for DANE.

Returns:	TRUE if there are any
*/

BOOL
require_tls_hold(smtp_context * sx)
{
BOOL some = FALSE;
const host_item * h = sx->conn_args.host;
next_hop * first = hop_of(sx->first_addr, h);

for (address_item * a = sx->first_addr->next; a; a = a->next)
  if (a->transport_return == PENDING_DEFER)
    {
    next_hop * hop = hop_of(a, h);
    if (hop != first && !(would_ask_nothing(first, h) && would_ask_nothing(hop, h)))
      {
      a->transport_return = DANE;
      some = TRUE;
      }
    }
return some;
}

/* When it is made: those that are content with what this connection has proved join; the others get one of their own.

Returns:	TRUE if any are left
*/

BOOL
require_tls_join(smtp_context * sx)
{
BOOL some = FALSE;
const host_item * h = sx->conn_args.host;
char first[RTLS_PARAMS_SIZE] = "", its[RTLS_PARAMS_SIZE];
const char * s = held ? rtls_plan_get(current->plan, RTLS_GET_SESSION, 0) : NULL;
const uschar * session = s ? string_copy(US s) : NULL;
BOOL first_ret = FALSE;

if (held && rtls_plan_mail_params(current->plan, first, sizeof(first)) == RTLS_GO)
  first_ret = rtls_plan_get(current->plan, RTLS_GET_RET, 0) != NULL;

for (address_item * a = sx->first_addr->next; a; a = a->next)
  if (a->transport_return == DANE)
    {
    next_hop * hop = hop_of(a, h);
    const uschar * name = judged_name(hop, h);
    BOOL joins;

    if (hop == current || would_ask_nothing(hop, h))
      joins = TRUE;
    else if ((joins = session && hop->looked_up))
      {
      if (!hop->sent)
	{
	settle(hop, sx->addrlist);
	joins = rtls_plan_resume(hop->plan, CCS name, CCS session) == RTLS_GO;
	}
      joins = joins
	   && rtls_plan_mail_params(hop->plan, its, sizeof(its)) == RTLS_GO
	   && strcmp(its, first) == 0
	   && (rtls_plan_get(hop->plan, RTLS_GET_RET, 0) != NULL) == first_ret;
      if (joins) hop->at_host = hop->sent = TRUE;
      }
    if (joins) a->transport_return = PENDING_DEFER;
    else some = TRUE;
    }
return some;
}

/* The host could not be used, for a reason of its own: that is true for the others as well. */

void
require_tls_release(smtp_context * sx)
{
const address_item * first = sx->first_addr;

for (address_item * a = first->next; a; a = a->next)
  if (a->transport_return == DANE)
    {
    a->transport_return = first->transport_return;
    a->basic_errno = first->basic_errno;
    a->more_errno = first->more_errno;
    a->message = first->message;
    a->host_used = first->host_used;
    }
}

/* The last gate, before each MAIL command: the parameters, for the end of the string at p. RET follows the plan.

Arguments:
  asks		set TRUE if the reply to MAIL has to be seen before anything else is sent

Returns:	the new end of the string; NULL if the message is not to be sent here
*/

uschar *
require_tls_mail(smtp_context * sx, uschar * p, BOOL * asks)
{
char params[RTLS_PARAMS_SIZE];
const char * ret;

*asks = FALSE;
if (!held) return p;
if (rtls_plan_mail_params(current->plan, params, sizeof(params)) != RTLS_GO)
  {
  (void) refuse(sx);
  return NULL;
  }
current->sent = TRUE;
*asks = *require_tls_tag() != 0;
if ((ret = rtls_plan_get(current->plan, RTLS_GET_RET, 0)) && strcmp(ret, "HDRS") == 0)
  dsn_ret = dsn_ret_hdrs;
strcpy(CS p, params);
return p + strlen(params);
}

/* The reply to MAIL was not 2yz. */

int
require_tls_mail_refused(smtp_context * sx)
{
int save_errno = errno, code = 0, action;

if (!held || save_errno != 0 || sscanf(CCS sx->buffer, "%3d", &code) != 1) return REQUIRE_TLS_STAYS;
action = rtls_plan_mail_reply(current->plan, code, CCS sx->buffer);
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


/*************************************************
*                    Callouts                    *
*************************************************/

/* A callout tells a host who writes to whom: the plan has its say there too. */

void
require_tls_callout(address_item * addr, host_item * hosts, int port)
{
forget();
for_callout = TRUE;
default_port = port;
set_route(addr, hosts, hosts != addr->host_list);
}

/* After the last host, where nothing was found out: is it certain that no host will do? */

BOOL
require_tls_callout_failed(address_item * addr)
{
for (next_hop * hop = next_hops; hop; hop = hop->next) if (hop->refused)
  {
  int action;
  uschar * text;

  settle(hop, addr);
  text = final_sentence(hop->plan, &action);
  if (action == RTLS_BOUNCE)
    {
    addr->basic_errno = ERRNO_TLSREQUIRED;
    addr->message = addr->user_message = text;
    return TRUE;
    }
  }
return FALSE;
}

/* May this address join a connection that is held open for others? */

BOOL
require_tls_asks_nothing_at(address_item * addr, const host_item * h)
{
require_tls_callout(addr, addr->host_list, h->port);
return would_ask_nothing(hop_of(addr, h), h);
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls.c */
