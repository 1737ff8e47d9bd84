/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What did the sender require? Keyword and parameter of RFC 8689 section 2, the tag of section 4.1, the header field of
section 3. */

#include "exim.h"

#ifdef WITH_REQUIRETLS

# define REQUIRE_TLS_OWN
# include "transports/smtp.h"

static rtls_mail	mail;

/* What the MAIL command of the message that is being received has asked for. An ACL may have set the variable since. */
static char		asked[RTLS_TAG_SIZE];

static const uschar *
kept_tag(void)
{
const tree_node * node = tree_search(acl_var_m, US"m_requiretls");
return node && node->data.ptr ? node->data.ptr : US"";
}

/* What cannot be read stays as it is: every delivery waits for that. */

const uschar *
require_tls_tag(void)
{
static char stricter[RTLS_TAG_SIZE];
const uschar * kept = kept_tag();
rtls_mail both;

if (!*asked || Ustrcmp(kept, asked) == 0) return kept;
rtls_mail_begin(&both, sizeof(both), rt_context(), 0);
(void) rtls_mail_tag(&both, CCS kept, RTLS_NUL, 0);
(void) rtls_mail_tag(&both, asked, RTLS_NUL, 0);
return rtls_mail_end(&both, stricter, sizeof(stricter)) == RTLS_TAKEN ? US stricter : kept;
}

static void
keep_tag(const char * tag)
{
acl_var_create(US"m_requiretls")->data.ptr = string_copy(US tag);
}

gstring *
require_tls_keywords(gstring * g, const uschar * code)
{
const char * keyword;

for (size_t i = 0;
     keyword = rtls_ehlo_keyword(rt_context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0, i);
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
*asked = '\0';
rtls_mail_begin(&mail, sizeof(mail), rt_context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0);
}

/* The reply to a MAIL command that asks wrongly, and a line in the main and reject logs. */

static void
refuse_mail(void)
{
RT_LOG(LOG_MAIN|LOG_REJECT, "%s rejected MAIL: %s %s", host_and_ident(TRUE), mail.reply.enhanced, mail.reply.text);
smtp_printf("%d %s %s\r\n", FALSE, mail.reply.code, mail.reply.enhanced, mail.reply.text);
}

BOOL
require_tls_mail_param(const uschar * name, const uschar * value, BOOL * refused)
{
int rc = rtls_mail_param(&mail, CCS name, RTLS_NUL, value == name ? NULL : CCS value, RTLS_NUL);

if ((*refused = rc != RTLS_NOT_OURS && rc != RTLS_TAKEN)) refuse_mail();
return rc != RTLS_NOT_OURS;
}

/* A bounce of a message that requires TLS returns the header only, whatever RET says (R28). */

BOOL
require_tls_mail_end(void)
{
int rc = rtls_mail_end(&mail, asked, sizeof(asked));

if (rc == RTLS_NOT_OURS) return TRUE;
if (rc != RTLS_TAKEN)
  {
  *asked = '\0';
  refuse_mail();
  return FALSE;
  }
keep_tag(asked);
if (require_tls_headers_only()) dsn_ret = dsn_ret_hdrs;
return TRUE;
}

/* A header field never lowers what a parameter or an ACL has asked for (R8). */

void
require_tls_headers(void)
{
char tag[RTLS_TAG_SIZE];
const uschar * old = require_tls_tag();

rtls_mail_begin(&mail, sizeof(mail), rt_context(), tls_in.active.sock >= 0 ? RTLS_F_TLS : 0);
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

if (rtls_mail_end(&mail, tag, sizeof(tag)) != RTLS_NOT_OURS && Ustrcmp(tag, kept_tag()) != 0)
  keep_tag(tag);
if (require_tls_headers_only()) dsn_ret = dsn_ret_hdrs;
}

void
require_tls_spool(void)
{
const uschar * tag = require_tls_tag();

if (Ustrcmp(tag, kept_tag()) != 0) keep_tag(CCS tag);
*asked = '\0';
}

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls_in.c */
