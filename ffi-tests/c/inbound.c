/* The first question, as a mail server asks it: an SMTP session on standard input and output.
 *
 *   inbound [-c config] [-t] [-T tag]
 *   -t   the session is inside TLS already      -T tag   what every message begins with, as the site's own rules may say
 *
 * Nothing is delivered: the reply to the message tells the tag that would be kept with it. A server of its own keeps the tag in
 * its queue file, and hands it to rtls_plan_new when it sends the message on (sender.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <requiretls.h>

#define LINE_SIZE 4096

struct session {
  const rtls_ctx *ctx;
  unsigned flags;               /* RTLS_F_TLS or 0 */
  const char *first_tag;
  rtls_mail mail;
  int has_mail, has_recipient;
  char tag[RTLS_TAG_SIZE];
};

/* One line without its end. */
static int read_line(char *line)
{
  size_t len;
  if (fgets(line, LINE_SIZE, stdin) == NULL) return 0;
  len = strlen(line);
  if (len > 0 && line[len - 1] == '\n') line[--len] = '\0';
  if (len > 0 && line[len - 1] == '\r') line[--len] = '\0';
  return 1;
}

static void reply(int code, const char *text)
{
  printf("%d %s\r\n", code, text);
}

/* A word of the client's command, in any case. */
static int is(const char *text, size_t len, const char *word)
{
  size_t i;
  if (len != strlen(word)) return 0;
  for (i = 0; i < len; i++)
    if ((text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]) != word[i]) return 0;
  return 1;
}

static void ehlo(const struct session *s)
{
  const char *keyword;
  size_t i;
  printf("250-mx.example.org\r\n");
  for (i = 0; (keyword = rtls_ehlo_keyword(s->ctx, s->flags, i)) != NULL; i++) printf("250-%s\r\n", keyword);
  reply(250, "SIZE 10000000");
}

/* Answers the client as the library says: nothing of this message is kept. */
static void refuse(struct session *s)
{
  printf("%d %s %s\r\n", s->mail.reply.code, s->mail.reply.enhanced, s->mail.reply.text);
  s->has_mail = s->has_recipient = 0;
}

/* A server that splits the parameters itself asks about each of them, in any order. One that has the whole line calls
   rtls_mail_line instead, which also finds the end of a path with a quoted ">" in it, as this does not. */
static void mail_from(struct session *s, const char *line)
{
  const char *at = strchr(line, '>'), *end, *equals;
  size_t len, name_len;
  int answer;

  s->has_mail = s->has_recipient = 0;
  rtls_mail_begin(&s->mail, sizeof s->mail, s->ctx, s->flags);
  if (s->first_tag != NULL && rtls_mail_tag(&s->mail, s->first_tag, RTLS_NUL, 0) == RTLS_REFUSED) {
    refuse(s);
    return;
  }
  for (at = at != NULL ? at + 1 : line + strlen(line); *at != '\0'; at = end) {
    at += strspn(at, " ");
    if (*at == '\0') break;
    end = at + strcspn(at, " ");
    len = (size_t) (end - at);
    equals = (const char *) memchr(at, '=', len);
    name_len = equals != NULL ? (size_t) (equals - at) : len;
    answer = rtls_mail_param(&s->mail, at, name_len, equals != NULL ? equals + 1 : NULL,
                             equals != NULL ? len - name_len - 1 : 0);
    if (answer == RTLS_REFUSED) {
      refuse(s);
      return;
    }
    if (answer == RTLS_NOT_OURS && !is(at, name_len, "SIZE")) {
      reply(555, "5.5.4 unknown parameter");
      return;
    }
  }
  if (rtls_mail_end(&s->mail, s->tag, sizeof s->tag) == RTLS_REFUSED) {
    refuse(s);
    return;
  }
  s->has_mail = 1;
  reply(250, "2.1.0 Ok");
}

/* One whole field, its continuation lines included. */
static void field(struct session *s, const char *text)
{
  const char *colon = strchr(text, ':');
  if (colon != NULL) rtls_mail_header(&s->mail, text, (size_t) (colon - text), colon + 1, RTLS_NUL);
}

/* The message. Its header section belongs to the question, so the library judges again when that has come. */
static void data(struct session *s)
{
  char line[LINE_SIZE], text[2 * LINE_SIZE] = "";
  int in_header = 1;

  reply(354, "Go on");
  while (read_line(line) && strcmp(line, ".") != 0) {
    if (!in_header) continue;
    if (line[0] == ' ' || line[0] == '\t') {
      if (strlen(text) + strlen(line) < sizeof text) strcat(text, line);
      continue;
    }
    field(s, text);
    strcpy(text, line);
    if (line[0] == '\0') in_header = 0;
  }
  if (in_header) field(s, text);
  s->has_mail = s->has_recipient = 0;
  if (rtls_mail_end(&s->mail, s->tag, sizeof s->tag) == RTLS_REFUSED) refuse(s);
  else printf("250 2.0.0 kept with tag \"%s\"\r\n", s->tag);
}

static void session(struct session *s)
{
  char line[LINE_SIZE];
  size_t verb;

  reply(220, "mx.example.org ESMTP");
  while (read_line(line)) {
    verb = strcspn(line, " ");
    if (is(line, verb, "EHLO")) ehlo(s);
    else if (is(line, verb, "MAIL")) mail_from(s, line);
    else if (is(line, verb, "RCPT") && s->has_mail) {
      s->has_recipient = 1;
      reply(250, "2.1.5 Ok");
    }
    else if (is(line, verb, "DATA") && s->has_recipient) data(s);
    else if (is(line, verb, "RSET")) {
      s->has_mail = s->has_recipient = 0;       /* there is nothing to free */
      reply(250, "2.0.0 Ok");
    }
    else if (is(line, verb, "QUIT")) {
      reply(221, "2.0.0 Bye");
      break;
    }
    else reply(503, "5.5.1 not known, or not now");
  }
}

int main(int argc, char **argv)
{
  const char *config = NULL;
  char err[512];
  struct session s;
  rtls_ctx *ctx;
  int i;

  memset(&s, 0, sizeof s);
  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-t") == 0) s.flags = RTLS_F_TLS;
    else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) config = argv[++i];
    else if (strcmp(argv[i], "-T") == 0 && i + 1 < argc) s.first_tag = argv[++i];
    else {
      fprintf(stderr, "usage: inbound [-c config] [-t] [-T tag]\n");
      return 64;
    }
  }
  if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "inbound: %s\n", err);
    return 78;
  }
  s.ctx = ctx;
  session(&s);
  rtls_close(ctx);
  return 0;
}
