/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* May addresses of several domains share a connection (P9)? Each domain has a plan of its own. Before the connection is
made, those whose plan has to be asked are set aside; when it is made, those that are content with what it has proved
join, and the others get one of their own. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

BOOL
require_tls_hold(smtp_context * sx)
{
BOOL some = FALSE;
const host_item * h = sx->conn_args.host;
rt_hop * first = rt_hop_of(sx->first_addr, h);

for (address_item * a = sx->first_addr->next; a; a = a->next)
  if (a->transport_return == PENDING_DEFER)
    {
    rt_hop * hop = rt_hop_of(a, h);
    if (hop != first && !(rt_would_ask_nothing(first, h) && rt_would_ask_nothing(hop, h)))
      {
      a->transport_return = DANE;
      some = TRUE;
      }
    }
return some;
}

BOOL
require_tls_join(smtp_context * sx)
{
BOOL some = FALSE;
const host_item * h = sx->conn_args.host;
char first[RTLS_PARAMS_SIZE] = "", its[RTLS_PARAMS_SIZE];
const char * s = rt.held ? rtls_plan_get(rt.current->plan, RTLS_GET_SESSION, 0) : NULL;
const uschar * session = s ? string_copy(US s) : NULL;
BOOL first_ret = FALSE;

if (rt.held && rtls_plan_mail_params(rt.current->plan, first, sizeof(first)) == RTLS_GO)
  first_ret = rtls_plan_get(rt.current->plan, RTLS_GET_RET, 0) != NULL;

for (address_item * a = sx->first_addr->next; a; a = a->next)
  if (a->transport_return == DANE)
    {
    rt_hop * hop = rt_hop_of(a, h);
    const uschar * name = rt_judged_name(hop, h);
    BOOL joins;

    if (hop == rt.current || rt_would_ask_nothing(hop, h))
      joins = TRUE;
    else if ((joins = session && hop->looked_up && name))
      {
      if (!hop->sent)
	{
	rt_settle(hop, sx->addrlist);
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

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_share.c */
