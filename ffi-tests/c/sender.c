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
 * The answer is a tag. Then, as the client that sends it on: may the message go to this host, and how? It speaks SMTP and
 * lends its OpenSSL; what TLS must have proven is the library's business. One log line on standard output; the exit status is
 * 0 delivered, 75 keep it and try later, 69 return it to the sender, 65 the MAIL FROM line was refused, 64 usage.
 * The message comes from standard input with its header section: its TLS-Required fields belong to the first question.
 */
#define _POSIX_C_SOURCE 200112L
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <requiretls.h>

#define REPLY_SIZE 8192
#define MAX_ADDRESSES 16
#define MAX_CERTIFICATES 16

struct options {
  const char *config, *port, *hosts, *next_hop, *tag, *recipient, *session_file;
  unsigned patience, look_up, flags;    /* patience, look_up: milliseconds */
  int verbose;
};

/* A message on its way: its envelope, its tag and where routing sends it. */
struct message {
  const char *path, *tag, *next_hop, *hosts;
  const char *body;
};

/* One connection, and the last reply on it. */
struct smtp {
  int fd, code, greeting;               /* greeting: its code where that was a refusal, else 0 */
  SSL *ssl;
  size_t have, at;                      /* read from the peer, and not yet looked at */
  char in[4096], reply[REPLY_SIZE];     /* reply: all lines, as received */
  char address[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
};

/* An open connection that a further message may ride on, and what it has proved. host: "" when there is none. */
struct kept {
  struct smtp c;
  char host[RTLS_HOST_SIZE], session[RTLS_SESSION_SIZE];
};

/* What the peers said about the message, for a verdict that leaves the result to us. */
struct outcome {
  int code;
  char enhanced[12], text[256];
};

/* ---- One connection ------------------------------------------------------------------------------------------------ */

static void smtp_close(struct smtp *c)
{
  if (c->ssl != NULL) SSL_free(c->ssl);
  if (c->fd >= 0) close(c->fd);
  c->ssl = NULL;
  c->fd = -1;
  c->have = c->at = 0;
}

static int smtp_connect(struct smtp *c, const char *address, const struct options *o)
{
  struct addrinfo hints, *ai;
  struct sockaddr_storage local;
  struct timeval wait;
  socklen_t len = sizeof local;

  smtp_close(c);
  c->code = 0;
  c->reply[0] = c->local[0] = '\0';
  sprintf(c->address, "%.*s", (int) sizeof c->address - 1, address);
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(address, o->port, &hints, &ai) != 0) return 0;
  wait.tv_sec = (long) (o->patience / 1000);
  wait.tv_usec = (long) (o->patience % 1000 * 1000);
  c->fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
  if (c->fd >= 0) {
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(c->fd, ai->ai_addr, ai->ai_addrlen) != 0) smtp_close(c);
  }
  freeaddrinfo(ai);
  if (c->fd < 0) return 0;
  if (getsockname(c->fd, (struct sockaddr *) &local, &len) == 0)
    getnameinfo((struct sockaddr *) &local, len, c->local, sizeof c->local, NULL, 0, NI_NUMERICHOST);
  return 1;
}

static int smtp_send(struct smtp *c, const char *data, size_t len)
{
  while (len > 0) {
    long n = c->ssl != NULL ? SSL_write(c->ssl, data, (int) (len > 16384 ? 16384 : len)) : (long) write(c->fd, data, len);
    if (n <= 0) return 0;
    data += n;
    len -= (size_t) n;
  }
  return 1;
}

static int smtp_byte(struct smtp *c)
{
  if (c->at == c->have) {
    long n = c->ssl != NULL ? SSL_read(c->ssl, c->in, sizeof c->in) : (long) read(c->fd, c->in, sizeof c->in);
    if (n <= 0) return -1;
    c->have = (size_t) n;
    c->at = 0;
  }
  return (unsigned char) c->in[c->at++];
}

/* Reads one reply, of several lines perhaps. Returns its code; 0: connection lost, or that was no SMTP. */
static int smtp_reply(struct smtp *c)
{
  size_t len = 0, line = 0, seen = 0;
  char start[4];
  int byte, i;

  c->code = 0;
  c->reply[0] = '\0';
  for (;;) {
    if ((byte = smtp_byte(c)) < 0 || ++seen > 1000000) return 0;
    if (line < sizeof start) start[line] = (char) byte;
    line++;
    if (len + 1 < sizeof c->reply) c->reply[len++] = (char) byte;
    if (byte != '\n') continue;
    c->reply[len] = '\0';
    for (i = 0; i < 3; i++) if (line < 4 || start[i] < '0' || start[i] > '9') return 0;
    if (start[3] != '-') break;
    line = 0;
  }
  return c->code = (start[0] - '0') * 100 + (start[1] - '0') * 10 + (start[2] - '0');
}

static int smtp_command(struct smtp *c, const char *verb, const char *argument, const char *parameters)
{
  char line[2048];
  if (strlen(verb) + strlen(argument) + strlen(parameters) + 3 > sizeof line) return c->code = 0;
  sprintf(line, "%s%s%s\r\n", verb, argument, parameters);
  return smtp_send(c, line, strlen(line)) ? smtp_reply(c) : (c->code = 0);
}

static void smtp_quit(struct smtp *c)
{
  if (c->fd >= 0) smtp_command(c, "QUIT", "", "");
  smtp_close(c);
}

/* EHLO, or HELO where that is all the peer knows; then nothing was offered, and the reply is empty. */
static int smtp_hello(struct smtp *c)
{
  if (smtp_command(c, "EHLO ", "sender.test", "") / 100 == 5 && smtp_command(c, "HELO ", "sender.test", "") / 100 == 2)
    c->reply[0] = '\0';
  return c->code / 100 == 2;
}

/* -r: a session in a file, as a server has it that shares sessions among its processes. It holds no chain. */
static int save_session(SSL *ssl, SSL_SESSION *session)
{
  FILE *f = fopen(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), "wb");
  unsigned char *der = NULL;
  int len = i2d_SSL_SESSION(session, &der);
  if (f != NULL && len > 0) fwrite(der, 1, (size_t) len, f);
  if (f != NULL) fclose(f);
  OPENSSL_free(der);
  return 0;
}

static void load_session(SSL *ssl, const char *file)
{
  unsigned char der[16384];
  const unsigned char *p = der;
  FILE *f = fopen(file, "rb");
  size_t len = f != NULL ? fread(der, 1, sizeof der, f) : 0;
  SSL_SESSION *session = len > 0 ? d2i_SSL_SESSION(NULL, &p, (long) len) : NULL;
  if (f != NULL) fclose(f);
  if (session != NULL) SSL_set_session(ssl, session);
  SSL_SESSION_free(session);
}

/* The TLS handshake. -1: TLS is up; else how it failed. OpenSSL checks no certificate: the library will. */
static int smtp_handshake(struct smtp *c, SSL_CTX *tls, const char *sni)
{
  int n, how;
  c->at = c->have = 0;                  /* whatever came in clear text behind the 220 is dropped (RFC 3207 section 4.2) */
  ERR_clear_error();
  if ((c->ssl = SSL_new(tls)) == NULL || SSL_set_fd(c->ssl, c->fd) != 1) return RTLS_TLS_LOST;
  if (SSL_CTX_get_app_data(tls) != NULL) load_session(c->ssl, SSL_CTX_get_app_data(tls));
  if (sni != NULL && SSL_set_tlsext_host_name(c->ssl, sni) != 1) return RTLS_TLS_LOST;
  if ((n = SSL_connect(c->ssl)) == 1) return -1;
  how = SSL_get_error(c->ssl, n) == SSL_ERROR_SSL ? RTLS_TLS_REJECTED : RTLS_TLS_LOST;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) how = RTLS_TLS_LOST;
#endif
  return how;
}

/* ---- What the library wants to know --------------------------------------------------------------------------------- */

/* Hands the certificates over as the peer sent them. */
static int give_chain(rtls_plan *p, SSL *ssl)
{
  STACK_OF(X509) *certificates = SSL_get_peer_cert_chain(ssl);
  rtls_bytes chain[MAX_CERTIFICATES];
  unsigned char *der[MAX_CERTIFICATES];
  int i, len, action, n = 0;

  for (i = 0; i < sk_X509_num(certificates) && n < MAX_CERTIFICATES; i++) {
    der[n] = NULL;
    if ((len = i2d_X509(sk_X509_value(certificates, i), &der[n])) <= 0) break;
    chain[n].data = der[n];
    chain[n].len = (size_t) len;
    n++;
  }
  action = rtls_plan_peer(p, chain, (size_t) n);
  for (i = 0; i < n; i++) OPENSSL_free(der[i]);
  return action;
}

/* Connects, greets, and starts TLS if the plan says so. GO: MAIL FROM may follow. */
static int open_session(struct smtp *c, rtls_plan *p, SSL_CTX *tls, const char *address, const struct options *o)
{
  const char *sni;
  int action, how, begun = 1;

  c->greeting = 0;
  for (;;) {                            /* a second time round in clear text, if TLS failed and the plan allows that */
    if (begun) {
      if (!smtp_connect(c, address, o)) return RTLS_NEXT_HOST;
      if (smtp_reply(c) / 100 != 2) {
        c->greeting = c->code;
        return RTLS_NEXT_HOST;
      }
    }
    if (!smtp_hello(c)) return RTLS_NEXT_HOST;
    if ((action = rtls_plan_ehlo(p, c->reply, RTLS_NUL)) != RTLS_STARTTLS) return action;

    begun = 0;
    how = smtp_command(c, "STARTTLS", "", "");
    if (how == 220) {
      begun = 1;
      sni = rtls_plan_get(p, RTLS_GET_SNI, 0);
      how = smtp_handshake(c, tls, sni);
    }
    if (how == -1) {
      if ((action = rtls_plan_tls(p, SSL_get_version(c->ssl), SSL_get_cipher_name(c->ssl))) != RTLS_GO) return action;
      if ((action = give_chain(p, c->ssl)) != RTLS_GO) return action;
      if (smtp_hello(c)) return rtls_plan_ehlo(p, c->reply, RTLS_NUL);
      how = c->code;
    }
    if (how == 0) begun = 1;            /* the connection is gone as well */
    if ((action = rtls_plan_tls_failed(p, how, how > 1 ? c->reply : "TLS handshake")) != RTLS_GO) return action;
  }
}

/* Sends the message read from standard input earlier: lines end with CRLF, a dot at their start is doubled. */
static int send_body(struct smtp *c, const char *body)
{
  const char *end;
  size_t len;
  for (; *body != '\0'; body = end + (*end != '\0')) {
    end = strchr(body, '\n');
    if (end == NULL) end = body + strlen(body);
    len = (size_t) (end - body);
    if (len > 0 && body[len - 1] == '\r') len--;
    if (*body == '.' && !smtp_send(c, ".", 1)) return 0;
    if (!smtp_send(c, body, len) || !smtp_send(c, "\r\n", 2)) return 0;
  }
  return smtp_send(c, ".\r\n", 3);
}

/* MAIL, RCPT, DATA. Returns the code of the last reply about this message; 0: none, or the connection was lost. */
static int transaction(struct smtp *c, rtls_plan *p, const struct message *m, const struct options *o)
{
  char parameters[RTLS_PARAMS_SIZE + 16], recipient[512];
  int action, code;

  do {
    if (rtls_plan_mail_params(p, parameters, RTLS_PARAMS_SIZE) != RTLS_GO) return 0;
    if (rtls_plan_get(p, RTLS_GET_RET, 0) != NULL) strcat(parameters, " RET=HDRS");
    code = smtp_command(c, "MAIL FROM:", m->path, parameters);
    action = rtls_plan_mail_reply(p, code, c->reply);
    if (action == RTLS_AGAIN && smtp_command(c, "RSET", "", "") / 100 != 2) return 0;
  } while (action == RTLS_AGAIN);
  if (action != RTLS_GO || code / 100 != 2) return code;

  sprintf(recipient, "<%.500s>", o->recipient);
  code = smtp_command(c, "RCPT TO:", recipient, "");
  if (code == 530) rtls_plan_mail_reply(p, code, c->reply);
  if (code / 100 != 2) return code;
  code = smtp_command(c, "DATA", "", "");
  if (code != 354) return code;
  return send_body(c, m->body) ? smtp_reply(c) : 0;
}

/* ---- All hosts ------------------------------------------------------------------------------------------------------- */

/* Remembers a reply in parts: code, enhanced status code, text of its last line. */
static void remember(struct outcome *r, int code, const char *reply)
{
  const char *line = reply, *next;
  int a, b, d, used = 0;

  r->code = code;
  while ((next = strchr(line, '\n')) != NULL && next[1] != '\0') line = next + 1;
  line += strlen(line) > 4 ? 4 : strlen(line);
  r->enhanced[0] = '\0';
  if (sscanf(line, "%1d.%3d.%3d%n", &a, &b, &d, &used) == 3) {
    sprintf(r->enhanced, "%d.%d.%d", a, b, d);
    line += used + (line[used] == ' ');
  }
  sprintf(r->text, "%.*s", (int) (strcspn(line, "\r\n") < sizeof r->text ? strcspn(line, "\r\n") : sizeof r->text - 1), line);
}

/* Tries the current host at each of its addresses. GO: settled, whatever the answer was; the connection is kept in k. */
static int try_host(rtls_plan *p, SSL_CTX *tls, const char *host, const struct message *m, struct outcome *own,
                    struct kept *k, const struct options *o)
{
  char addresses[MAX_ADDRESSES][INET6_ADDRSTRLEN];
  const char *text;
  struct smtp *c = &k->c;
  int i, n, code, action = RTLS_NEXT_HOST;

  for (n = 0; n < MAX_ADDRESSES && (text = rtls_plan_get(p, RTLS_GET_ADDRESS, (size_t) n)) != NULL; n++)
    sprintf(addresses[n], "%.*s", (int) sizeof addresses[n] - 1, text);
  for (i = 0; i < n && action == RTLS_NEXT_HOST; i++) {
    if (i > 0 && rtls_plan_host(p, host) != RTLS_GO) break;
    code = open_session(c, p, tls, addresses[i], o) == RTLS_GO ? transaction(c, p, m, o) : c->greeting;
    if (code == 221 || code == 421) code = 0;
    if (code != 0) remember(own, code, c->reply);
    if (o->verbose) fprintf(stderr, "sender: %s [%s]: %d\n", host, addresses[i], code);
    k->host[0] = k->session[0] = '\0';
    if (code / 100 == 2 && (text = rtls_plan_get(p, RTLS_GET_SESSION, 0)) != NULL) {
      sprintf(k->host, "%.*s", RTLS_HOST_SIZE - 1, host);
      sprintf(k->session, "%.*s", RTLS_SESSION_SIZE - 1, text);
    }
    action = rtls_plan_done(p, code, c->address, c->local[0] != '\0' ? c->local : NULL);
    if (k->host[0] == '\0') smtp_quit(c);
  }
  return action;
}

/* May the message ride on the connection that is open? The plan compares what the connection has proved with what the message
   needs. Nothing else is kept: whatever comes of it, the connection is closed afterwards. GO: settled. */
static int try_kept(rtls_plan *p, const struct message *m, struct outcome *own, struct kept *k, const struct options *o)
{
  int code, action = RTLS_NEXT_HOST;
  if (k->host[0] == '\0') return action;
  if (rtls_plan_resume(p, k->host, k->session) == RTLS_GO) {
    code = smtp_command(&k->c, "RSET", "", "") / 100 == 2 ? transaction(&k->c, p, m, o) : 0;
    if (code == 221 || code == 421) code = 0;
    if (code != 0) remember(own, code, k->c.reply);
    action = rtls_plan_done(p, code, k->c.address, k->c.local[0] != '\0' ? k->c.local : NULL);
  }
  smtp_quit(&k->c);
  return action;
}

/* Takes the next name off a list that is separated by commas. */
static int next_name(const char **list, char *host)
{
  size_t len = strcspn(*list, ",");
  if (len == 0) return 0;
  sprintf(host, "%.*s", (int) (len < RTLS_HOST_SIZE ? len : RTLS_HOST_SIZE - 1), *list);
  *list += len + ((*list)[len] == ',');
  return 1;
}

/* The last line of all: what became of the message, and why. Returns the exit status. */
static int report(const char *what, int status, int code, const char *enhanced, const char *host, const char *text)
{
  printf("action=%s code=%d enhanced=%s host=%s text=\"%s\"\n", what, code, *enhanced != '\0' ? enhanced : "-",
         *host != '\0' ? host : "-", text);
  return status;
}

static int deliver(const rtls_ctx *ctx, SSL_CTX *tls, const struct message *m, struct kept *k, const struct options *o)
{
  char host[RTLS_HOST_SIZE] = "", tried[RTLS_HOST_SIZE] = "";
  const char *hosts = m->hosts;
  struct outcome own = { 451, "4.4.1", "no host could be reached" };
  rtls_plan *p = rtls_plan_new(ctx, m->next_hop, (unsigned) strtoul(o->port, NULL, 10), m->tag,
                               o->flags | (strcmp(m->path, "<>") == 0 ? RTLS_F_NULL_PATH : 0));
  rtls_reply reply;
  int action;

  if (rtls_plan_lookup(p, o->look_up) == RTLS_GO) {
    sprintf(tried, "%s", k->host);
    if (try_kept(p, m, &own, k, o) != RTLS_GO)
      for (tried[0] = '\0'; hosts != NULL ? next_name(&hosts, host) : rtls_plan_next(p, host, sizeof host) == RTLS_GO; ) {
        if (hosts != NULL && rtls_plan_host(p, host) != RTLS_GO) continue;
        strcpy(tried, host);
        if (try_host(p, tls, host, m, &own, k, o) == RTLS_GO) break;
      }
  }
  action = rtls_plan_verdict(p, &reply);
  rtls_plan_free(p);

  if (action == RTLS_BOUNCE) return report("bounce", 69, reply.code, reply.enhanced, tried, reply.text);
  if (action != RTLS_GO) return report("defer", 75, reply.code, reply.enhanced, tried, reply.text);
  if (own.code / 100 == 2) return report("go", 0, own.code, own.enhanced, tried, own.text);
  if (own.code / 100 == 5) return report("bounce", 69, own.code, own.enhanced, tried, own.text);
  return report("defer", 75, own.code, own.enhanced, tried, own.text);
}

/* ---- The program ------------------------------------------------------------------------------------------------------ */

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
static int deliver_before(const rtls_ctx *ctx, SSL_CTX *tls, char *before, const char *path, struct kept *k, const struct options *o)
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

static SSL_CTX *open_tls(const struct options *o)
{
  SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
  if (tls == NULL) return NULL;
  SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF); /* a resumed session shows no chain */
  if (o->session_file != NULL) {
    SSL_CTX_set_app_data(tls, (char *) o->session_file);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, save_session);
  }
  return tls;
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
  SSL_CTX *tls;

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
  tls = open_tls(&o);
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
  SSL_CTX_free(tls);
  rtls_close(ctx);
  return status;
}
