/* smtp.h: one SMTP connection. */
#define _POSIX_C_SOURCE 200112L
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "smtp.h"

int smtp_connect(struct smtp *c, const char *address, const char *port, unsigned patience)
{
  struct addrinfo hints, *ai;
  struct sockaddr_storage local;
  struct timeval wait;
  socklen_t len = sizeof local;

  smtp_close(c);
  c->code = 0;
  c->reply[0] = c->local[0] = '\0';
  sprintf(c->address, "%.*s", ADDRESS_SIZE - 1, address);
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(address, port, &hints, &ai) != 0) return 0;
  wait.tv_sec = (long) (patience / 1000);
  wait.tv_usec = (long) (patience % 1000 * 1000);
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
    long n = c->tls != NULL ? tls_write(c->tls, data, len) : (long) write(c->fd, data, len);
    if (n <= 0) return 0;
    data += n;
    len -= (size_t) n;
  }
  return 1;
}

static int smtp_byte(struct smtp *c)
{
  if (c->at == c->have) {
    long n = c->tls != NULL ? tls_read(c->tls, c->in, sizeof c->in) : (long) read(c->fd, c->in, sizeof c->in);
    if (n <= 0) return -1;
    c->have = (size_t) n;
    c->at = 0;
  }
  return (unsigned char) c->in[c->at++];
}

int smtp_reply(struct smtp *c)
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

int smtp_command(struct smtp *c, const char *verb, const char *argument, const char *parameters)
{
  char line[2048];
  if (strlen(verb) + strlen(argument) + strlen(parameters) + 3 > sizeof line) return c->code = 0;
  sprintf(line, "%s%s%s\r\n", verb, argument, parameters);
  return smtp_send(c, line, strlen(line)) ? smtp_reply(c) : (c->code = 0);
}

int smtp_hello(struct smtp *c)
{
  if (smtp_command(c, "EHLO ", "sender.test", "") / 100 == 5 && smtp_command(c, "HELO ", "sender.test", "") / 100 == 2)
    c->reply[0] = '\0';
  return c->code / 100 == 2;
}

int smtp_handshake(struct smtp *c, tls_client *client, const char *sni)
{
  int how;
  if (c->at != c->have) return RTLS_TLS_REJECTED; /* somebody answers what was not asked yet (RFC 3207 section 4.2) */
  c->tls = tls_new(client, c->fd, sni);
  if (c->tls == NULL) return RTLS_TLS_LOST;
  how = tls_handshake(c->tls);
  return how == TLS_READ || how == TLS_WRITE ? RTLS_TLS_LOST : how; /* the socket blocks: that was a timeout */
}

int smtp_body(struct smtp *c, const char *body)
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

void smtp_quit(struct smtp *c)
{
  if (c->fd >= 0) smtp_command(c, "QUIT", "", "");
  smtp_close(c);
}

void smtp_close(struct smtp *c)
{
  tls_free(c->tls);
  if (c->fd >= 0) close(c->fd);
  c->tls = NULL;
  c->fd = -1;
  c->have = c->at = 0;
}
