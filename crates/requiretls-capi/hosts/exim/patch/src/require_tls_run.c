/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* One run of the smtp transport: what is settled before its first host and after its last one. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

/* A connection that was open already is not for a message that anything is asked for: it was made for others, without
its plan. It is closed, and the transport goes on with connections of its own. */

static void
leave_continued(void)
{
int fd = cutthrough.cctx.sock >= 0 ? cutthrough.cctx.sock : 0;

RT_LOG(LOG_MAIN, RT_OURS "not over the connection to %s [%s] that is open already",
  continue_hostname, continue_host_address);
if (cutthrough.cctx.sock >= 0 && cutthrough.is_tls)
  {
  (void) tls_write(cutthrough.cctx.tls_ctx, US"QUIT\r\n", 6, FALSE);
  tls_close(cutthrough.cctx.tls_ctx, TLS_SHUTDOWN_NOWAIT);
  cutthrough.cctx.tls_ctx = NULL;
  cutthrough.is_tls = FALSE;
  }
else if (write(fd, "QUIT\r\n", 6) < 0)
  RT_TRACE debug_printf("the peer is gone\n");
(void) close(fd);
cutthrough.cctx.sock = -1;
continue_transport = continue_hostname = NULL;
continue_proxy_cipher = NULL;
f.continue_more = FALSE;
continue_sequence = 1;
}

/* An address whose plan allows no host at all is settled, or waits (DECLINE, until require_tls_end) while the others
go. */

void
require_tls_begin(address_item * addrlist, host_item * hosts, int port)
{
BOOL stays = TRUE;

rt_forget();
rt.for_callout = FALSE;
rt.port = port;
rt_set_route(addrlist, hosts, hosts != addrlist->host_list || hosts == addrlist->fallback_hosts);
if (f.queue_smtp || f.dont_deliver) return;

for (address_item * a = addrlist; a; a = a->next) if (a->transport_return == DEFER)
  {
  rt_hop * hop = rt_hop_of(a, hosts);
  if (!hop->looked_up)
    {
    int action;
    a->message = rt_final_sentence(hop->plan, &action);
    a->basic_errno = ERRNO_TLSREQUIRED;
    a->transport_return = action == RTLS_BOUNCE ? FAIL : DECLINE;
    setflag(a, af_pass_message);
    }
  else if (continue_hostname)
    {
    const host_item * h;
    for (h = hosts; h; h = h->next)
      if (Ustrcmp(h->name, continue_hostname) == 0) break;
    if (!h || !rt_would_ask_nothing(hop, h)) stays = FALSE;
    }
  }
if (continue_hostname && !stays) leave_continued();
}

void
require_tls_verdict(address_item * addrlist)
{
for (address_item * a = addrlist; a; a = a->next) if (a->transport_return == DEFER)
  for (rt_hop * hop = rt.hops; hop; hop = hop->next)
    if (hop->refused && rt_is_for(a, hop))
      {
      int action;
      uschar * text;

      rt_settle(hop, addrlist);
      text = rt_final_sentence(hop->plan, &action);
      if (action == RTLS_BOUNCE)
	a->transport_return = FAIL;
      else if (action == RTLS_GO || !hop->asked || a->basic_errno != ERRNO_TLSREQUIRED)
	continue;
      a->basic_errno = ERRNO_TLSREQUIRED;
      a->message = text;
      setflag(a, af_pass_message);
      }
}

/* What no host was asked about has no retry data, and would wait without end. It gets an item of its own, of this message
alone: with the key that smtp.c has for a refused RCPT the sender's next message to the recipient, which may ask for less,
would wait for it, and be returned for a 4yz of its own. When the first address of a run is over its time retry.c returns
with it all others that still wait, so it gets none until they are gone. */

void
require_tls_end(address_item * addrlist)
{
BOOL others = FALSE;

for (address_item * a = addrlist->next; a; a = a->next)
  if (a->transport_return == DEFER || a->transport_return == DECLINE) others = TRUE;
for (address_item * a = addrlist; a; a = a->next) if (a->transport_return == DECLINE)
  {
  a->transport_return = DEFER;
  if (a != addrlist || !others)
    retry_add_item(a, string_sprintf("%s:%s", a->address_retry_key, message_id), rf_message);
  }
rt_forget();
}

BOOL
require_tls_refused(void)
{
return rt.refused_now;
}

BOOL
require_tls_tried(void)
{
BOOL yield = rt.refused_some;
rt.refused_some = FALSE;
return yield;
}

BOOL
require_tls_holds(void)
{
return rt.held;
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_run.c */
