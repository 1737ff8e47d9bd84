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
domain does, is delivered there as if these files did not exist.

  require_tls_in.c	keyword, parameter and header field; the tag
  require_tls_bounce.c	messages about a message
  require_tls_route.c	which name a host was configured by
  require_tls_plan.c	the plan of a next hop
  require_tls_smtp.c	one run of the smtp transport, and one connection
  require_tls_share.c	one connection for several domains
  require_tls_callout.c	callouts
  require_tls_gnu.c, require_tls_openssl.c	the certificates of the peer

Here is what all of them need: the library's context. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

static rtls_ctx *	ctx = NULL;
static char		ctx_error[256];

static void
to_log(void * arg, int level, const char * line)
{
if (level <= 3) RT_LOG(LOG_MAIN|LOG_PANIC, RT_OURS "%s", line);
else if (level <= 5) RT_LOG(LOG_MAIN, RT_OURS "%s", line);
else RT_TRACE debug_printf(RT_OURS "%s\n", line);
}

/* The configuration is read once in each program; a process that it forks has it too. Without it there is no context,
and the library then holds whatever it is asked about: what the site requires is not known. */

const rtls_ctx *
rt_context(void)
{
static BOOL tried = FALSE;

if (!tried)
  {
  tried = TRUE;
  if (rtls_open(&ctx, NULL, ctx_error, sizeof(ctx_error)) != RTLS_GO)
    RT_LOG(LOG_MAIN|LOG_PANIC, RT_OURS "%s", ctx_error);
  else
    {
    rtls_set_log(ctx, to_log, NULL);
    rtls_set_log_level(ctx, 5);
    RT_TRACE rtls_set_log_level(ctx, 7);
    }
  }
return ctx;
}

const char *
rt_context_error(void)
{
return rt_context() ? NULL : ctx_error;
}

void
require_tls_check(void)
{
if (!rt_context()) RT_LOG_DIE(RT_OURS "%s", ctx_error);
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls.c */
