/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What do messages about a message keep of it (RFC 8689 section 5)? Bounces, warnings, reports of delivery and automatic
replies are made by an Exim of their own, which is told the tag on its command line (child.c, exim.c); it becomes theirs
in require_tls_headers(). */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

const uschar *	require_tls_parent = NULL;
BOOL		require_tls_child = FALSE;

BOOL
require_tls_headers_only(void)
{
rtls_mail m;
const char * ret;

rtls_mail_begin(&m, sizeof(m), rt_context(), 0);
(void) rtls_mail_tag(&m, CCS require_tls_tag(), RTLS_NUL, 0);
ret = rtls_mail_get(&m, RTLS_GET_RET);
return ret && strcmp(ret, "HDRS") == 0;
}

const uschar *
require_tls_status(const address_item * addr)
{
unsigned subject, detail;

if (  addr->message
   && Ustrncmp(addr->message, RT_OURS, sizeof(RT_OURS) - 1) == 0
   && sscanf(CCS addr->message + sizeof(RT_OURS) - 1, "%*1[45]%*2u %*1[45].%3u.%3u", &subject, &detail) == 2
   )
  return string_sprintf("5.%u.%u", subject, detail);
return US"5.0.0";
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_bounce.c */
