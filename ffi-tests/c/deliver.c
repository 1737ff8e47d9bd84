/* deliver.h: the loop over the hosts, with the server's own list of them or the library's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "deliver.h"

#define MAX_ADDRESSES 16

/* What the peers said about the message, for a verdict that leaves the result to us. */
struct outcome {
  int code;
  char enhanced[12], text[256];
};

/* Connects, greets, and starts TLS if the plan says so. GO: MAIL FROM may follow. */
static int open_session(struct smtp *c, rtls_plan *p, tls_client *tls, const char *address, const struct options *o)
{
  rtls_bytes chain[MAX_CERTIFICATES];
  int action, how, begun = 1;

  c->greeting = 0;
  for (;;) {                            /* a second time round in clear text, if TLS failed and the plan allows that */
    if (begun) {
      if (!smtp_connect(c, address, o->port, o->patience)) return RTLS_NEXT_HOST;
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
      how = smtp_handshake(c, tls, rtls_plan_get(p, RTLS_GET_SNI, 0));
    }
    if (how == TLS_UP) {
      if ((action = rtls_plan_tls(p, tls_protocol(c->tls), tls_cipher(c->tls))) != RTLS_GO) return action;
      if ((action = rtls_plan_peer(p, chain, tls_chain(c->tls, chain))) != RTLS_GO) return action;
      if (smtp_hello(c)) return rtls_plan_ehlo(p, c->reply, RTLS_NUL);
      how = c->code;
    }
    if (how == 0) begun = 1;            /* the connection is gone as well */
    if ((action = rtls_plan_tls_failed(p, how, how > 1 ? c->reply : "TLS handshake")) != RTLS_GO) return action;
  }
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
  return smtp_body(c, m->body) ? smtp_reply(c) : 0;
}

/* No reply came: the connection was lost, after it had been made. */
static void remember_loss(struct outcome *r)
{
  r->code = 451;
  strcpy(r->enhanced, "4.4.2");
  strcpy(r->text, "the connection was lost");
}

/* Remembers a reply in parts: code, enhanced status code, text of its last line. */
static void remember(struct outcome *r, int code, const char *reply)
{
  const char *line = reply, *next;
  int a, b, d, used = 0;

  r->code = code == 421 ? 451 : code;   /* 421 is about the connection; the message waits */
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
static int try_host(rtls_plan *p, tls_client *tls, const char *host, const struct message *m, struct outcome *own,
                    struct kept *k, const struct options *o)
{
  char addresses[MAX_ADDRESSES][ADDRESS_SIZE];
  const char *text;
  struct smtp *c = &k->c;
  int i, n, code, action = RTLS_NEXT_HOST;

  for (n = 0; n < MAX_ADDRESSES && (text = rtls_plan_get(p, RTLS_GET_ADDRESS, (size_t) n)) != NULL; n++)
    sprintf(addresses[n], "%.*s", ADDRESS_SIZE - 1, text);
  for (i = 0; i < n && action == RTLS_NEXT_HOST; i++) {
    if (i > 0 && rtls_plan_host(p, host) != RTLS_GO) break;
    if (open_session(c, p, tls, addresses[i], o) != RTLS_GO) code = c->greeting;
    else if ((code = transaction(c, p, m, o)) == 0) remember_loss(own);
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

int report(const char *what, int status, int code, const char *enhanced, const char *host, const char *text)
{
  printf("action=%s code=%d enhanced=%s host=%s text=\"%s\"\n", what, code, *enhanced != '\0' ? enhanced : "-",
         *host != '\0' ? host : "-", text);
  return status;
}

int deliver(const rtls_ctx *ctx, tls_client *tls, const struct message *m, struct kept *k, const struct options *o)
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
