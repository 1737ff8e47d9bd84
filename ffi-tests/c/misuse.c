/* What a server does wrong holds the mail, and the library touches nothing that it was not given.
 *
 *   misuse config
 *
 * Texts end right before a page that cannot be touched, so that a byte too many ends the process. Prints what is not as it has to
 * be; the exit status is 0 where there is nothing.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <requiretls.h>

#define REQUIRED "1.secure.onward"
#define HUGE_LENGTH ((size_t) -1 / 2)
#define NO_LENGTH ((size_t) -2)

static int failures;

static void check(const char *what, int answer, int expected)
{
  if (answer == expected) return;
  printf("%s: %d instead of %d\n", what, answer, expected);
  failures++;
}

/* A copy of len bytes with nothing readable behind them. */
static char *at_the_edge(const char *bytes, size_t len)
{
  size_t page = (size_t) sysconf(_SC_PAGESIZE), pages = len / page + 1;
  char *start = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED || mprotect(start + pages * page, page, PROT_NONE) != 0) exit(71);
  return memcpy(start + pages * page - len, bytes, len);
}

static char *text(const char *s)
{
  return at_the_edge(s, strlen(s) + 1);
}

static char *without_end(const char *s)
{
  return at_the_edge(s, strlen(s));
}

static int mail_code(const rtls_ctx *ctx, const char *line, size_t len)
{
  rtls_mail m;
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  return rtls_mail_line(&m, line, len) == RTLS_REFUSED ? m.reply.code : 250;
}

static void inbound(const rtls_ctx *ctx)
{
  static char long_line[9000] = "MAIL FROM:<a@b.example> ";
  rtls_mail m, copy;
  char tag[RTLS_TAG_SIZE], *room;
  const char *line = "MAIL FROM:<a@b.example> REQUIRETLS";

  check("a line without an end", mail_code(ctx, without_end(line), strlen(line)), 250);
  check("a line with one", mail_code(ctx, text(line), RTLS_NUL), 250);
  check("8-bit in a parameter of ours", mail_code(ctx, text("MAIL FROM:<a@b.example> REQUIRETLS\351"), RTLS_NUL), 501);
  check("NUL in a line", mail_code(ctx, at_the_edge("MAIL FROM:<a>\0 REQUIRETLS", 25), 25), 501);
  memset(long_line + strlen(long_line), 'x', 8193 - strlen(long_line));
  check("a length that is too much", mail_code(ctx, at_the_edge(long_line, 8193), HUGE_LENGTH), 500);
  check("a length that nothing has", mail_code(ctx, without_end(line), NO_LENGTH), 451);
  check("no line", mail_code(ctx, NULL, 10), 451);

  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  check("a name without an end", rtls_mail_param(&m, without_end("REQUIRETLS"), 10, NULL, 0), RTLS_TAKEN);
  copy = m;
  check("a second one", rtls_mail_param(&m, "REQUIRETLS", RTLS_NUL, NULL, 0), RTLS_REFUSED);
  check("the copy of before", rtls_mail_end(&copy, tag, sizeof tag), RTLS_TAKEN);
  check("its tag", strcmp(tag, REQUIRED), 0);
  memset(&m, 0, sizeof m);
  check("the copy does without the first", rtls_mail_end(&copy, tag, sizeof tag), RTLS_TAKEN);

  check("memory that was not begun", rtls_mail_end(&m, tag, sizeof tag), RTLS_REFUSED);
  check("its reply", m.reply.code, 451);
  check("its tag is none", strcmp(tag, "!"), 0);
  room = at_the_edge("xxxxxxxxxxxxxxxx", 16);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  rtls_mail_line(&m, line, RTLS_NUL);
  check("just enough room", rtls_mail_end(&m, room, 16), RTLS_TAKEN);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  rtls_mail_line(&m, line, RTLS_NUL);
  check("too little room", rtls_mail_end(&m, room + 1, 15), RTLS_REFUSED);
  check("nothing of the tag", room[1] == '!' && room[2] == '\0', 1);
  check("no room at all", rtls_mail_end(&m, NULL, 100), RTLS_REFUSED);
  rtls_mail_begin(&m, sizeof m - 1, ctx, RTLS_F_TLS);
  check("too small a size", rtls_mail_end(&m, tag, sizeof tag), RTLS_REFUSED);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS | 1024);
  check("a flag that there is not", rtls_mail_end(&m, tag, sizeof tag), RTLS_REFUSED);
  rtls_mail_begin(NULL, sizeof m, ctx, 0);
  check("no mail", rtls_mail_param(NULL, "X", 1, NULL, 0), RTLS_REFUSED);
}

static int looked_up(rtls_plan *p)
{
  return rtls_plan_add_host(p, text("192.0.2.1")) == RTLS_GO ? rtls_plan_lookup(p, 100) : -9;
}

/* A plan whose only host is the current one. */
static rtls_plan *at_host(const rtls_ctx *ctx, const char *tag)
{
  rtls_plan *p = rtls_plan_new(ctx, text("partner.example"), 25, text(tag), 0);
  check("a lookup", looked_up(p), RTLS_GO);
  check("a host", rtls_plan_host(p, text("192.0.2.1")), RTLS_GO);
  return p;
}

static void outbound(const rtls_ctx *ctx)
{
  rtls_plan *p = rtls_plan_new(ctx, "partner.example", 25, "", 0);
  rtls_bytes chain[2];
  char *room = at_the_edge("xxxxxxxxx", 9), params[RTLS_PARAMS_SIZE];
  const char *reply = "250-mx\r\n250 SIZE";

  looked_up(p);
  check("out of order", rtls_plan_mail_params(p, params, sizeof params), RTLS_DEFER);
  check("too little room for a host", rtls_plan_next(p, room, 9), RTLS_DEFER);
  check("nothing of it", room[0], '\0');
  check("the verdict", rtls_plan_verdict(p, NULL), RTLS_DEFER);
  rtls_plan_free(p);

  p = at_host(ctx, "");
  chain[0].data = (const unsigned char *) without_end("no certificate");
  chain[0].len = 14;
  chain[1].data = NULL;
  chain[1].len = HUGE_LENGTH;
  check("what is no chain", rtls_plan_peer(p, chain, 2), RTLS_GO);
  rtls_plan_free(p);
  p = at_host(ctx, "");
  check("a chain without a pointer", rtls_plan_peer(p, NULL, HUGE_LENGTH), RTLS_GO);
  rtls_plan_free(p);
  p = at_host(ctx, "");
  check("a reply without an end", rtls_plan_ehlo(p, without_end(reply), strlen(reply)), RTLS_GO);
  check("the gate", rtls_plan_mail_params(p, params, sizeof params), RTLS_GO);
  check("a code that there is not", rtls_plan_done(p, 12345, NULL, NULL), RTLS_DEFER);
  check("after which nothing goes", rtls_plan_mail_params(p, params, sizeof params), RTLS_DEFER);
  rtls_plan_free(p);

  p = rtls_plan_new(ctx, text("a\300b.example"), 25, text(REQUIRED), 0);
  check("8-bit in a name", rtls_plan_lookup(p, 100), RTLS_DEFER);
  rtls_plan_free(p);
  p = rtls_plan_new(ctx, "partner.example", 25, text("1.secure.onward%n"), 0);
  check("a tag with more", rtls_plan_lookup(p, 100), RTLS_DEFER);
  check("and why", strchr(rtls_plan_get(p, RTLS_GET_WHY, 0), '%') == NULL, 1);
  rtls_plan_free(p);
  rtls_plan_free(NULL);
}

/* Plans outlive their context, and each process has plans of its own. */
static void lifetimes(const char *config)
{
  rtls_ctx *ctx;
  rtls_plan *p;
  pid_t child;
  int status = 0;

  if (rtls_open(&ctx, config, NULL, 0) != RTLS_GO) exit(78);
  p = rtls_plan_new(ctx, "partner.example", 25, REQUIRED, 0);
  rtls_close(ctx);
  check("a lookup after the context was closed", looked_up(p), RTLS_GO);
  if ((child = fork()) == 0) {
    rtls_plan_free(p);
    _exit(0);
  }
  waitpid(child, &status, 0);
  check("a child that frees the plan", status, 0);
  if ((child = fork()) == 0) _exit(rtls_plan_host(p, "192.0.2.1"));
  waitpid(child, &status, 0);
  check("a child that goes on with it", WIFEXITED(status) ? WEXITSTATUS(status) : -1, RTLS_GO);
  check("it is the parent's as it was", rtls_plan_host(p, "192.0.2.1"), RTLS_GO);
  check("and goes on", rtls_plan_ehlo(p, "250 mx", RTLS_NUL), RTLS_NEXT_HOST);
  rtls_plan_free(p);
}

int main(int argc, char **argv)
{
  rtls_ctx *ctx;
  if (argc != 2 || rtls_open(&ctx, argv[1], NULL, 0) != RTLS_GO) return 78;
  check("no context to open", rtls_open(NULL, argv[1], NULL, 0), RTLS_DEFER);
  inbound(ctx);
  outbound(ctx);
  rtls_close(ctx);
  rtls_close(NULL);
  lifetimes(argv[1]);
  return failures != 0;
}
