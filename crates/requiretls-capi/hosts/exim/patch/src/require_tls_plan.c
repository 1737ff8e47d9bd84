/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* May a message go to a host? The plans of the next hops of one run of a transport, or of one callout. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

/* As long as Exim waits for a name server that does not answer, and once more for a policy's web server. */
# define LOOKUP_MS		30000

rt_run			rt = { .port = 25 };

static rtls_plan *
new_plan(const rt_hop * hop)
{
unsigned flags = 0;
rtls_plan * plan;

/* A callout has an empty path on behalf of a message that has none (RFC 8689 section 5 is not about it). */

if ((!sender_address || !*sender_address) && (rt.for_callout || !return_path || !*return_path))
  flags |= RTLS_F_NULL_PATH;
if (rt.lmtp) flags |= RTLS_F_LMTP;

plan = rtls_plan_new(rt_context(), CCS hop->name, hop->port, CCS require_tls_tag(), flags);
if (rt.route && !rt.route_by_mx)
  {
  const uschar * last = US"";
  for (const host_item * h = rt.route; h; h = h->next)
    {
    const rt_host * c = rt_configured_as(h);
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

rt_hop *
rt_hop_of(const address_item * addr, const host_item * h)
{
const uschar * name = rt.route ? rt.route_name : addr->domain;
unsigned port = h && h->port != PORT_NONE ? h->port : rt.port;
rt_hop * hop;

for (hop = rt.hops; hop; hop = hop->next)
  if (strcmpic(hop->name, name) == 0 && hop->port == port) return hop;

hop = store_malloc(sizeof(*hop));
memset(hop, 0, sizeof(*hop));
hop->name = string_copy_malloc(name);
hop->port = port;
hop->next = rt.hops;
rt.hops = hop;
hop->plan = new_plan(hop);
hop->looked_up = rtls_plan_lookup(hop->plan, LOOKUP_MS) == RTLS_GO;
if (!hop->looked_up) hop->refused = TRUE;
return hop;
}

BOOL
rt_is_for(const address_item * addr, const rt_hop * hop)
{
return strcmpic(hop->name, rt.route ? rt.route_name : addr->domain) == 0;
}

/* Addresses are compared, not their texts: that of an IPv6 address has many forms. */

static BOOL
same_address(const uschar * one, const uschar * other)
{
uschar a[16], b[16];

if (inet_pton(AF_INET, CCS one, a) == 1)
  return inet_pton(AF_INET, CCS other, b) == 1 && memcmp(a, b, 4) == 0;
return inet_pton(AF_INET6, CCS one, a) == 1 && inet_pton(AF_INET6, CCS other, b) == 1 && memcmp(a, b, 16) == 0;
}

static void
add_known(rt_hop * hop, const char * name, const char * address)
{
rt_known * k = store_get(sizeof(*k), GET_UNTAINTED);
k->name = string_copy(US name);
k->address = address ? string_copy(US address) : NULL;
k->next = hop->hosts;
hop->hosts = k;
}

/* Who are the hosts of a domain, and is more than clear text asked of any? Another plan is asked, so that the hop's own
has tried none; it stays for what it has to say of those that it does not let be tried. */

static void
survey(rt_hop * hop)
{
char name[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "";
rtls_plan * plan = hop->survey = new_plan(hop);

if ((hop->binds = rtls_plan_lookup(plan, LOOKUP_MS) != RTLS_GO)) return;
while (rtls_plan_next(plan, name, sizeof(name)) == RTLS_GO)
  {
  const char * address, * level = rtls_plan_get(plan, RTLS_GET_LEVEL, 0);

  if (strcmp(name, last) == 0) continue;	/* once for each address */
  strcpy(last, name);
  if (!level || strcmp(level, "may") != 0) hop->binds = TRUE;
  add_known(hop, name, NULL);
  for (size_t i = 0; (address = rtls_plan_get(plan, RTLS_GET_ADDRESS, i)); i++) add_known(hop, name, address);
  }
}

/* The name that the library knows a host by: what stands in the MX record, or in the configuration. NULL: it is none of
the hosts that the library has found, and so perhaps the one that something is asked of (RFC 7672 section 2.2). */

const uschar *
rt_judged_name(rt_hop * hop, const host_item * h)
{
rtls_reply r;
int action;

if (rt.route && !rt.route_by_mx)
  {
  const rt_host * c = rt_configured_as(h);
  return c && !c->by_mx ? c->name : h->name;
  }

/* What Exim has is the name behind a CNAME, if there is one. The addresses tell which host it is. */

if (!hop->survey) survey(hop);
for (const rt_known * k = hop->hosts; k; k = k->next)
  if (strcmpic(k->name, h->name) == 0) return h->name;
for (const rt_known * k = hop->hosts; k; k = k->next)
  if (h->address && k->address && same_address(k->address, h->address)) return k->name;

/* One that the plan does not let be tried it can say more about. Else Exim has asked at another time, or elsewhere; that
is no matter where nothing is asked of any host. */

action = rtls_plan_host(hop->survey, CCS h->name);
if (action == RTLS_NEXT_HOST) return h->name;
return action != RTLS_GO || hop->binds || rtls_plan_verdict(hop->survey, &r) != RTLS_GO ? NULL : h->name;
}

/* Is nothing asked of this host: no tag, and a plan that is content with clear text? */

BOOL
rt_asks_nothing(const rtls_plan * plan)
{
const char * level = rtls_plan_get(plan, RTLS_GET_LEVEL, 0);
return !*require_tls_tag() && level && strcmp(level, "may") == 0;
}

/* The same, before there is a connection to it; another plan is asked, so that the hop's own is where it was. */

BOOL
rt_would_ask_nothing(rt_hop * hop, const host_item * h)
{
rtls_plan * plan;
const uschar * name;
BOOL yield;

if (!hop->looked_up || *require_tls_tag() || !(name = rt_judged_name(hop, h))) return FALSE;
plan = new_plan(hop);
yield = rtls_plan_lookup(plan, 0) == RTLS_GO
     && rtls_plan_host(plan, CCS name) == RTLS_GO
     && rt_asks_nothing(plan);
rtls_plan_free(plan);
return yield;
}

/* Tells the plan how it went at its last host, by what became of the addresses. */

void
rt_settle(rt_hop * hop, const address_item * addrlist)
{
int code = hop->sent ? 451 : 0;

if (!hop->at_host) return;
hop->at_host = FALSE;
for (const address_item * a = addrlist; a; a = a->next)
  if (rt_is_for(a, hop))
    if (a->transport_return == OK) code = 250;
    else if (a->transport_return == FAIL && code != 250) code = 550;
(void) rtls_plan_done(hop->plan, hop->sent ? code : hop->refusal, NULL, NULL);
hop->sent = FALSE;
}

/* The sentence for the latest refusal, and for all that was tried */

uschar *
rt_sentence(const rtls_plan * plan)
{
const char * why = rt_context_error();

if (!why && !(why = rtls_plan_get(plan, RTLS_GET_WHY, 0))) why = "the library gives no reason";
return string_sprintf(RT_OURS "%s", why);
}

uschar *
rt_final_sentence(const rtls_plan * plan, int * action)
{
rtls_reply r;

*action = rtls_plan_verdict(plan, &r);
return rt_context_error()
  ? string_sprintf(RT_OURS "451 4.3.0 %s", rt_context_error())
  : string_sprintf(RT_OURS "%d %s %s", r.code, r.enhanced, r.text);
}

void
rt_forget(void)
{
rt_restore_options();
for (rt_hop * hop = rt.hops, * next; hop; hop = next)
  {
  next = hop->next;
  rtls_plan_free(hop->plan);
  rtls_plan_free(hop->survey);
  store_free(US hop->name);
  store_free(hop);
  }
rt.hops = rt.current = NULL;
rt.held = rt.starttls_due = rt.hello_due = rt.stays_clear = rt.refused_now = rt.refused_some = FALSE;
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_plan.c */
