/* story.h */
#include <stdlib.h>
#include <string.h>
#include "story.h"

static void discard(void *arg, int level, const char *line)
{
  (void) arg;
  (void) level;
  (void) line;
}

static int is(const char *text, const char *expected)
{
  return text != NULL && strcmp(text, expected) == 0;
}

static int opens(struct story *s)
{
  char err[256];
  return rtls_open(&s->ctx, s->config, err, sizeof err);
}

static int sets_log(struct story *s)
{
  rtls_set_log(s->ctx, discard, NULL);
  return 0;
}

static int sets_log_level(struct story *s)
{
  rtls_set_log_level(s->ctx, 7);
  return 0;
}

static int version(struct story *s)
{
  (void) s;
  return is(rtls_version(), RTLS_VERSION);
}

static int ehlo_keyword(struct story *s)
{
  return is(rtls_ehlo_keyword(s->ctx, RTLS_F_TLS, 0), "REQUIRETLS");
}

static int mail_begins(struct story *s)
{
  rtls_mail_begin(&s->m, sizeof s->m, s->ctx, RTLS_F_TLS);
  return 0;
}

static int mail_line(struct story *s)
{
  return rtls_mail_line(&s->m, "MAIL FROM:<ann@example.org> SIZE=100 REQUIRETLS", RTLS_NUL);
}

static int mail_param(struct story *s)
{
  return rtls_mail_param(&s->m, "REQUIRETLS", RTLS_NUL, NULL, 0);
}

static int mail_param_again(struct story *s)
{
  return rtls_mail_param(&s->m, "REQUIRETLS", 10, "x", 1);
}

static int mail_header(struct story *s)
{
  return rtls_mail_header(&s->m, "Subject", RTLS_NUL, " x", RTLS_NUL);
}

static int mail_tag(struct story *s)
{
  return rtls_mail_tag(&s->m, "1.encrypt", RTLS_NUL, RTLS_F_RAISE_ONLY);
}

static int mail_ends(struct story *s)
{
  return rtls_mail_end(&s->m, s->tag, sizeof s->tag);
}

static int mail_get(struct story *s)
{
  return is(rtls_mail_get(&s->m, RTLS_GET_LEVEL), "secure") && is(s->tag, "1.secure.onward");
}

static int new_plan(struct story *s)
{
  s->p = rtls_plan_new(s->ctx, s->domain, 0, s->tag, 0);
  return s->p != NULL;
}

static int lookup(struct story *s)
{
  return rtls_plan_lookup(s->p, STORY_WAIT);
}

/* From what the one before has found. */
static int lookup_again(struct story *s)
{
  return rtls_plan_lookup(s->p, 0);
}

static int next(struct story *s)
{
  return rtls_plan_next(s->p, s->host, sizeof s->host);
}

static int get(struct story *s)
{
  return is(rtls_plan_get(s->p, RTLS_GET_METHOD, 0), "pkix") && is(rtls_plan_get(s->p, RTLS_GET_POLICY_TYPE, 0), "sts");
}

static int host(struct story *s)
{
  return rtls_plan_host(s->p, s->host);
}

static int ehlo(struct story *s)
{
  return rtls_plan_ehlo(s->p, "250-mx\r\n250-STARTTLS\r\n250 REQUIRETLS", RTLS_NUL);
}

static int tls(struct story *s)
{
  return rtls_plan_tls(s->p, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
}

static int peer(struct story *s)
{
  static const unsigned char bytes[] = { 0x30, 0x03, 0x02, 0x01, 0x00 };
  rtls_bytes chain;
  chain.data = bytes;
  chain.len = sizeof bytes;
  return rtls_plan_peer(s->p, &chain, 1);
}

static int tls_failed(struct story *s)
{
  return rtls_plan_tls_failed(s->p, RTLS_TLS_LOST, "closed");
}

static int resume(struct story *s)
{
  return rtls_plan_resume(s->p, s->host, "1;of;nothing");
}

static int done_without(struct story *s)
{
  return rtls_plan_done(s->p, 0, NULL, NULL);
}

static int verdict(struct story *s)
{
  rtls_reply reply;
  return rtls_plan_verdict(s->p, &reply);
}

static int frees_plan(struct story *s)
{
  rtls_plan_free(s->p);
  s->p = NULL;
  return 0;
}

/* To an address of the site's own, for which nothing is asked of anybody. */
static int plain_plan(struct story *s)
{
  s->p = rtls_plan_new(s->ctx, "partner.example", 25, "", 0);
  strcpy(s->host, "192.0.2.1");
  return s->p != NULL;
}

static int add_host(struct story *s)
{
  return rtls_plan_add_host(s->p, s->host);
}

static int plain_ehlo(struct story *s)
{
  return rtls_plan_ehlo(s->p, "250 mx", RTLS_NUL);
}

static int mail_params(struct story *s)
{
  return rtls_plan_mail_params(s->p, s->params, sizeof s->params);
}

static int mail_reply(struct story *s)
{
  return rtls_plan_mail_reply(s->p, 250, "2.1.0 ok");
}

static int done(struct story *s)
{
  return rtls_plan_done(s->p, 250, NULL, NULL);
}

static int closes(struct story *s)
{
  rtls_close(s->ctx);
  s->ctx = NULL;
  return 0;
}

const struct story_step story_steps[] = {
  { "rtls_open", opens, RTLS_GO },
  { "rtls_set_log", sets_log, 0 },
  { "rtls_set_log_level", sets_log_level, 0 },
  { "rtls_version", version, 1 },
  { "rtls_ehlo_keyword", ehlo_keyword, 1 },
  { "rtls_mail_begin", mail_begins, 0 },
  { "rtls_mail_line", mail_line, RTLS_TAKEN },
  { "rtls_mail_param, refused", mail_param_again, RTLS_REFUSED },
  { "rtls_mail_begin, again", mail_begins, 0 },
  { "rtls_mail_param", mail_param, RTLS_TAKEN },
  { "rtls_mail_header", mail_header, RTLS_NOT_OURS },
  { "rtls_mail_tag", mail_tag, RTLS_TAKEN },
  { "rtls_mail_end", mail_ends, RTLS_TAKEN },
  { "rtls_mail_get", mail_get, 1 },
  { "rtls_plan_new", new_plan, 1 },
  { "rtls_plan_lookup", lookup, RTLS_GO },
  { "rtls_plan_next", next, RTLS_GO },
  { "rtls_plan_get", get, 1 },
  { "rtls_plan_ehlo", ehlo, RTLS_STARTTLS },
  { "rtls_plan_tls_failed", tls_failed, RTLS_NEXT_HOST },
  { "rtls_plan_resume", resume, RTLS_NEXT_HOST },
  { "rtls_plan_free", frees_plan, 0 },
  { "rtls_plan_new, again", new_plan, 1 },
  { "rtls_plan_lookup, again", lookup_again, RTLS_GO },
  { "rtls_plan_host", host, RTLS_GO },
  { "rtls_plan_ehlo, again", ehlo, RTLS_STARTTLS },
  { "rtls_plan_tls", tls, RTLS_GO },
  { "rtls_plan_peer", peer, RTLS_NEXT_HOST },
  { "rtls_plan_done, lost", done_without, RTLS_NEXT_HOST },
  { "rtls_plan_verdict", verdict, RTLS_DEFER },
  { "rtls_plan_free, again", frees_plan, 0 },
  { "rtls_plan_new, another", plain_plan, 1 },
  { "rtls_plan_add_host", add_host, RTLS_GO },
  { "rtls_plan_lookup, of a route", lookup_again, RTLS_GO },
  { "rtls_plan_host, of a route", host, RTLS_GO },
  { "rtls_plan_ehlo, without STARTTLS", plain_ehlo, RTLS_GO },
  { "rtls_plan_mail_params", mail_params, RTLS_GO },
  { "rtls_plan_mail_reply", mail_reply, RTLS_GO },
  { "rtls_plan_done", done, RTLS_GO },
  { "rtls_plan_verdict, of a message sent", verdict, RTLS_GO },
  { "rtls_plan_free, another", frees_plan, 0 },
  { "rtls_close", closes, 0 },
  { NULL, NULL, 0 }
};

int story_at(const char *name)
{
  int i;
  for (i = 0; story_steps[i].name != NULL; i++)
    if (strcmp(story_steps[i].name, name) == 0) return i;
  abort();
}

const char *story_run(struct story *s, int from, int to)
{
  int i;
  for (i = from; i < to; i++)
    if (story_steps[i].run(s) != story_steps[i].answer) return story_steps[i].name;
  return NULL;
}
