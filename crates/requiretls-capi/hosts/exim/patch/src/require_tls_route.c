/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Which name was a host configured by, and who says which hosts there are (P2)? */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

/* A lookup puts the target of a CNAME, or what the hosts file says, in the place of a host's name. The library must
judge the name before that: nothing vouches for the way from one to the other. So the names that stand in the
configuration are remembered here. They are few, and kept for the life of the process. */

static rt_host *	configured_hosts = NULL;
static const uschar *	configured_name = NULL;

void
require_tls_configured(const uschar * name)
{
configured_name = string_copy(name);
}

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
  rt_host * c;
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

const rt_host *
rt_configured_as(const host_item * h)
{
for (const rt_host * c = configured_hosts; c; c = c->next)
  if (h->address && strcmpic(c->found, h->name) == 0 && Ustrcmp(c->address, h->address) == 0)
    return c;
return NULL;
}


/* Where do the hosts come from? A dnslookup router leaves the judgement of MX records to the library. Every other one,
and the options of the transport, name hosts by the site's own will. */

void
rt_set_route(const address_item * addr, host_item * hosts, BOOL by_transport)
{
const rt_host * c;

rt.route = NULL;
rt.route_by_mx = FALSE;
rt.lmtp = FALSE;
if (addr->transport && Ustrcmp(RT_DRIVER(addr->transport), "smtp") == 0)
  {
  const uschar * protocol = RT_OPTIONS(addr->transport)->protocol;	/* NULL is SMTP, from 4.99 on */
  rt.lmtp = protocol && strcmpic(protocol, US"lmtp") == 0;
  }
if (  !by_transport
   && addr->router
   && (Ustrcmp(RT_DRIVER(addr->router), "dnslookup") == 0 || Ustrcmp(RT_DRIVER(addr->router), "ipliteral") == 0)
   )
  return;
if (!hosts) return;

if ((c = rt_configured_as(hosts)))
  {
  rt.route_name = c->name;
  rt.route_by_mx = c->by_mx;
  }
else
  {
  host_item copy = *hosts;
  copy.name = string_copy(hosts->name);
  (void) host_item_get_port(&copy);
  rt.route_name = copy.name;
  }
rt.route = hosts;
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_route.c */
