/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A callout tells a host who writes to whom: the plan has its say there too. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

void
require_tls_callout(address_item * addr, host_item * hosts, int port)
{
rt_forget();
rt.for_callout = TRUE;
rt.port = port;
rt_set_route(addr, hosts, hosts != addr->host_list);
}

BOOL
require_tls_callout_failed(address_item * addr)
{
for (rt_hop * hop = rt.hops; hop; hop = hop->next) if (hop->refused)
  {
  int action;
  uschar * text;

  rt_settle(hop, addr);
  text = rt_final_sentence(hop->plan, &action);
  if (action == RTLS_BOUNCE)
    {
    addr->basic_errno = ERRNO_TLSREQUIRED;
    addr->message = addr->user_message = text;
    return TRUE;
    }
  }
return FALSE;
}

BOOL
require_tls_asks_nothing_at(address_item * addr, const host_item * h)
{
require_tls_callout(addr, addr->host_list, h->port);
return rt_would_ask_nothing(rt_hop_of(addr, h), h);
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_callout.c */
