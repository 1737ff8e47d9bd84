/* A small mail sender over librequiretls: one message, one recipient, all hosts of the next hop.
 *
 *   sender [options] 'MAIL FROM:<a@example.org> REQUIRETLS' user@example.com < message
 *   -c config        the library's configuration file       -t milliseconds    patience with every step
 *   -p port          where the hosts listen                 -l milliseconds    patience with the look-up
 *   -n next-hop      as routed, else the recipient's domain -g tag             the tag as kept: do not ask the first question
 *   -H host,host     our own list of hosts, in order, else the library's       -a AUTH will be sent to the next hop
 *   -b tag,next-hop,file   first deliver this message, and keep the connection -r file keep the TLS session in file, and resume it
 *   -v               log lines on standard error
 *
 * It asks both questions. First, as the server that took the message in over TLS: what did the MAIL FROM line require?
 * The answer is a tag. Then, as the client that sends it on: may the message go to this host, and how (deliver.c)? It
 * speaks SMTP (smtp.c) and lends a TLS library (tls_openssl.c or tls_gnutls.c); what TLS must have proven is the
 * library's business. One log line on standard output; the exit status is 0 delivered, 75 keep it and try later, 69 return
 * it to the sender, 65 the MAIL FROM line was refused, 64 usage. The message comes from standard input with its header
 * section: its TLS-Required fields belong to the first question.
 */
#define _POSIX_C_SOURCE 200112L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "deliver.h"

static void log_line(void *arg, int level, const char *line)
{
  fprintf((FILE *) arg, "<%d> %s\n", level, line);
}

static char *read_body(FILE *from)
{
  size_t size = 65536, len = 0, n;
  char *body = malloc(size), *more;
  while (body != NULL && (n = fread(body + len, 1, size - len - 1, from)) > 0) {
    len += n;
    if (len + 1 == size) {
      more = realloc(body, size *= 2);
      if (more == NULL) free(body);
      body = more;
    }
  }
  if (body != NULL) body[len] = '\0';
  return body;
}

/* The return path in the MAIL FROM line, with its angle brackets; a quoted local part may hold a bracket of its own. */
static int find_path(const char *line, char *path, size_t size)
{
  const char *start = strchr(line, '<'), *s;
  int quoted = 0;
  if (start == NULL) return 0;
  for (s = start; *s != '\0' && (quoted || *s != '>'); s++) {
    if (*s == '\\' && s[1] != '\0') s++;
    else if (*s == '"') quoted = !quoted;
  }
  if (*s != '>' || (size_t) (s - start) + 2 > size) return 0;
  sprintf(path, "%.*s", (int) (s - start) + 1, start);
  return 1;
}

/* Hands over each field of the header section: the first question again, now that DATA has come. */
static void give_header(rtls_mail *mail, const char *body)
{
  const char *colon, *end;
  for (; *body != '\0' && *body != '\n' && *body != '\r'; body = end) {
    for (end = strchr(body, '\n'); end != NULL && (end[1] == ' ' || end[1] == '\t'); end = strchr(end + 1, '\n'));
    end = end != NULL ? end + 1 : body + strlen(body);
    colon = memchr(body, ':', (size_t) (end - body));
    if (colon != NULL) rtls_mail_header(mail, body, (size_t) (colon - body), colon + 1, (size_t) (end - colon - 1));
  }
}

/* The first question. The message came in over TLS. The tag: what to keep with the message. */
static int ask(const rtls_ctx *ctx, const char *mail_from, const char *body, char *tag, rtls_reply *reply)
{
  rtls_mail mail;
  int answer;
  rtls_mail_begin(&mail, sizeof mail, ctx, RTLS_F_TLS);
  rtls_mail_line(&mail, mail_from, RTLS_NUL);
  give_header(&mail, body);
  answer = rtls_mail_end(&mail, tag, RTLS_TAG_SIZE);
  *reply = mail.reply;
  return answer;
}

/* -b: what is before the message on its connection. Its report goes to standard output as well. */
static int deliver_before(const rtls_ctx *ctx, tls_client *tls, char *before, const char *path, struct kept *k, const struct options *o)
{
  struct message m;
  FILE *f;
  char *next_hop = strchr(before, ','), *file = next_hop != NULL ? strchr(next_hop + 1, ',') : NULL, *body;
  int status;
  if (file == NULL) return 64;
  *next_hop++ = *file++ = '\0';
  if ((f = fopen(file, "r")) == NULL) return 66;
  body = read_body(f);
  fclose(f);
  if (body == NULL) return 75;
  m.path = path;
  m.tag = before;
  m.next_hop = next_hop;
  m.hosts = NULL;
  m.body = body;
  status = deliver(ctx, tls, &m, k, o);
  free(body);
  return status;
}

int main(int argc, char **argv)
{
  struct options o = { NULL, "25", NULL, NULL, NULL, NULL, NULL, 20000, 20000, 0, 0 };
  char error[512], tag[RTLS_TAG_SIZE], path[512], *before = NULL, *body;
  int option, status;
  struct kept k;
  struct message m;
  rtls_reply reply;
  rtls_ctx *ctx;
  tls_client *tls;

  while ((option = getopt(argc, argv, "ab:c:g:H:l:n:p:r:t:v")) != -1)
    switch (option) {
    case 'a': o.flags |= RTLS_F_AUTH; break;
    case 'b': before = optarg; break;
    case 'c': o.config = optarg; break;
    case 'g': o.tag = optarg; break;
    case 'H': o.hosts = optarg; break;
    case 'l': o.look_up = (unsigned) strtoul(optarg, NULL, 10); break;
    case 'n': o.next_hop = optarg; break;
    case 'p': o.port = optarg; break;
    case 'r': o.session_file = optarg; break;
    case 't': o.patience = (unsigned) strtoul(optarg, NULL, 10); break;
    case 'v': o.verbose = 1; break;
    default: return 64;
    }
  if (argc - optind != 2 || strchr(argv[optind + 1], '@') == NULL || !find_path(argv[optind], path, sizeof path)) {
    fprintf(stderr, "usage: sender [options] 'MAIL FROM:<path> ...' user@domain < message\n");
    return 64;
  }
  o.recipient = argv[optind + 1];
  signal(SIGPIPE, SIG_IGN);

  if (rtls_open(&ctx, o.config, error, sizeof error) != RTLS_GO) {
    fprintf(stderr, "sender: %s\n", error);
    return 78;
  }
  if (o.verbose) rtls_set_log(ctx, log_line, stderr);
  memset(&k, 0, sizeof k);
  k.c.fd = -1;
  tls = tls_open(o.session_file);
  body = read_body(stdin);

  if (tls == NULL || body == NULL)
    status = report("defer", 75, 451, "4.3.0", "", "no TLS context, or no memory for the message");
  else if (o.tag == NULL && ask(ctx, argv[optind], body, tag, &reply) == RTLS_REFUSED)
    status = report("refused", 65, reply.code, reply.enhanced, "", reply.text);
  else {
    m.path = path;                      /* the second question */
    m.tag = o.tag != NULL ? o.tag : tag;
    m.next_hop = o.next_hop != NULL ? o.next_hop : strrchr(o.recipient, '@') + 1;
    m.hosts = o.hosts;
    m.body = body;
    if (before != NULL) deliver_before(ctx, tls, before, path, &k, &o);
    status = deliver(ctx, tls, &m, &k, &o);
    if (k.host[0] != '\0') smtp_quit(&k.c);
  }
  free(body);
  tls_close(tls);
  rtls_close(ctx);
  return status;
}
