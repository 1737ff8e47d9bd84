/* What did the sender require?
 *
 * Asked by ACLs, in the process of one client's connection. A refused message has no tag but "!" and the reply; where that is
 * stored all the same, every plan defers the message. */
#include <stdio.h>
#include <string.h>
#include "glue.h"

static char answered[sizeof(rtls_reply) + 32];

static const char *refused(const rtls_reply *reply) {
  sprintf(answered, "!%d %s %s", reply->code, reply->enhanced, reply->text);
  return answered;
}

/* As it is when nothing could be asked at all. */
static const char *impossible(void) {
  rtls_reply reply;
  reply.code = 451;
  glue_copy(reply.enhanced, sizeof reply.enhanced, "4.3.5");
  glue_copy(reply.text, sizeof reply.text, "the rules for REQUIRETLS cannot be read here");
  return refused(&reply);
}

static const char *judged(rtls_mail *mail) {
  char tag[RTLS_TAG_SIZE];
  if (rtls_mail_end(mail, tag, sizeof tag) == RTLS_REFUSED) return refused(&mail->reply);
  glue_copy(answered, sizeof answered, tag);
  return answered;
}

const char *glue_mail_line(const char *line, int inside_tls) {
  rtls_mail mail;
  const rtls_ctx *context = glue_context();
  if (!context) return impossible();
  rtls_mail_begin(&mail, sizeof mail, context, inside_tls ? RTLS_F_TLS : 0);
  rtls_mail_line(&mail, line, RTLS_NUL);
  return judged(&mail);
}

/* The end of one field's value: Exim puts a newline between fields of one name. One that a blank follows is a fold. */
static const char *end_of_field(const char *value) {
  for (; *value; value++)
    if (*value == '\n' && value[1] != ' ' && value[1] != '\t') break;
  return value;
}

const char *glue_fields(const char *tag, const char *tls_required, const char *tag_field, const char *asked_for) {
  rtls_mail mail;
  const char *end;
  const rtls_ctx *context = glue_context();
  if (!context) return impossible();
  /* Inside TLS or not: no parameter is given here. */
  rtls_mail_begin(&mail, sizeof mail, context, 0);
  rtls_mail_tag(&mail, tag, RTLS_NUL, 0);
  rtls_mail_tag(&mail, asked_for, RTLS_NUL, 0);
  for (; *tls_required; tls_required = *end ? end + 1 : end) {
    end = end_of_field(tls_required);
    rtls_mail_header(&mail, "TLS-Required", RTLS_NUL, tls_required, (size_t) (end - tls_required));
  }
  for (; *tag_field; tag_field = *end ? end + 1 : end) {
    end = end_of_field(tag_field);
    rtls_mail_tag(&mail, tag_field, (size_t) (end - tag_field), RTLS_F_RAISE_ONLY);
  }
  return judged(&mail);
}

const char *glue_tag(const char *tag) {
  rtls_mail mail;
  const rtls_ctx *context = glue_context();
  if (!context) return "!";
  rtls_mail_begin(&mail, sizeof mail, context, 0);
  rtls_mail_tag(&mail, tag, RTLS_NUL, 0);
  /* The reason is in the verdict of whoever gets the tag. */
  return *judged(&mail) == '!' ? "!" : answered;
}
