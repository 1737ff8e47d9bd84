/* What a log function may do, each in a row of its own: the calls that it is called from answer as ever.
 *
 *   callbacks config
 *
 * The configuration has something to be warned of, so that there are lines already when the function is set. Prints what
 * is not as it has to be; the exit status is 0 where there is nothing.
 */
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <requiretls.h>

#define SOCKET "127.0.0.1"
#define REQUIRED "1.secure.onward"
#define THREADS 4
#define TURNS 25

static const char *config;
static int failures;
/* What the calls of a log function are about. */
static rtls_ctx *ctx;
static rtls_plan *current;

static void check(const char *row, const char *what, int answer, int expected)
{
  if (answer == expected) return;
  printf("%s: %s: %d instead of %d\n", row, what, answer, expected);
  failures++;
}

/* A message to a socket of the site's own, in clear text, which is logged; then one to nowhere. */
static void send_one(const char *row, int with_current)
{
  char params[RTLS_PARAMS_SIZE];
  rtls_reply reply;
  rtls_plan *p = rtls_plan_new(ctx, SOCKET, 0, REQUIRED, 0);

  if (with_current) current = p;
  check(row, "lookup", rtls_plan_lookup(p, 0), RTLS_GO);
  check(row, "host", rtls_plan_host(p, SOCKET), RTLS_GO);
  check(row, "ehlo", rtls_plan_ehlo(p, "250 mx", RTLS_NUL), RTLS_GO);
  check(row, "mail_params", rtls_plan_mail_params(p, params, sizeof params), RTLS_GO);
  check(row, "done", rtls_plan_done(p, 250, NULL, NULL), RTLS_GO);
  check(row, "verdict", rtls_plan_verdict(p, &reply), RTLS_GO);
  if (with_current) current = NULL;
  rtls_plan_free(p);
  p = rtls_plan_new(ctx, "example.org", 0, "", 0);
  if (with_current) current = p;
  check(row, "no answer", rtls_plan_lookup(p, 0), RTLS_DEFER);
  if (with_current) current = NULL;
  rtls_plan_free(p);
}

static unsigned lines;

static void counts(void *arg, int level, const char *line)
{
  (void) arg;
  if (level < 3 || level > 7 || line[0] == '\0' || strpbrk(line, "%\r\n") != NULL) check("a line", line, level, 0);
  lines++;
}

static void takes_its_time(void *arg, int level, const char *line)
{
  struct timespec a_while;
  a_while.tv_sec = 0;
  a_while.tv_nsec = 20000000;
  nanosleep(&a_while, NULL);
  counts(arg, level, line);
}

static void changes_errno(void *arg, int level, const char *line)
{
  counts(arg, level, line);
  errno = EINTR;
}

/* Its own descriptors and memory, and a copy of the line. */
static void writes(void *arg, int level, const char *line)
{
  char *copy = malloc(strlen(line) + 1);
  FILE *file = fopen("/dev/null", "w");
  if (copy == NULL || file == NULL) exit(71);
  fprintf(file, "%d %s\n", level, strcpy(copy, line));
  fclose(file);
  counts(arg, level, copy);
  free(copy);
}

static void ends(void *arg, int level, const char *line)
{
  (void) level;
  (void) line;
  exit(arg == NULL ? 71 : 7);
}

/* Every call there is; none of them does anything. */
static void calls(void *arg, int level, const char *line)
{
  static const char *row = "a call from inside";
  char text[RTLS_SESSION_SIZE] = "x";
  rtls_bytes certificate;
  rtls_ctx *other = NULL;
  rtls_reply reply;
  rtls_mail m;

  counts(arg, level, line);
  certificate.data = (const unsigned char *) "x";
  certificate.len = 1;
  rtls_set_log(ctx, NULL, NULL);
  rtls_set_log_level(ctx, 3);
  check(row, "open", rtls_open(&other, config, text, sizeof text), RTLS_DEFER);
  check(row, "open's context", other == NULL, 1);
  check(row, "open's word", strstr(text, "log function") != NULL, 1);
  rtls_close(ctx);
  check(row, "keyword", rtls_ehlo_keyword(ctx, RTLS_F_TLS, 0) == NULL, 1);
  check(row, "version", strcmp(rtls_version(), RTLS_VERSION), 0);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  check(row, "param", rtls_mail_param(&m, "SIZE", RTLS_NUL, "1", RTLS_NUL), RTLS_REFUSED);
  check(row, "line", rtls_mail_line(&m, "MAIL FROM:<>", RTLS_NUL), RTLS_REFUSED);
  check(row, "header", rtls_mail_header(&m, "Subject", RTLS_NUL, "", RTLS_NUL), RTLS_REFUSED);
  check(row, "tag", rtls_mail_tag(&m, "", RTLS_NUL, 0), RTLS_REFUSED);
  check(row, "end", rtls_mail_end(&m, text, sizeof text), RTLS_REFUSED);
  check(row, "the tag", strcmp(text, "!"), 0);
  check(row, "mail_get", rtls_mail_get(&m, RTLS_GET_LEVEL) == NULL, 1);
  check(row, "new", rtls_plan_new(ctx, SOCKET, 0, "", 0) == NULL, 1);
  check(row, "add_host", rtls_plan_add_host(current, SOCKET), RTLS_DEFER);
  check(row, "lookup", rtls_plan_lookup(current, 0), RTLS_DEFER);
  check(row, "host", rtls_plan_host(current, SOCKET), RTLS_DEFER);
  check(row, "next", rtls_plan_next(current, text, sizeof text), RTLS_DEFER);
  check(row, "resume", rtls_plan_resume(current, SOCKET, text), RTLS_DEFER);
  check(row, "ehlo", rtls_plan_ehlo(current, "", RTLS_NUL), RTLS_DEFER);
  check(row, "peer", rtls_plan_peer(current, &certificate, 1), RTLS_DEFER);
  check(row, "tls", rtls_plan_tls(current, "TLSv1.3", "TLS_AES_256_GCM_SHA384"), RTLS_DEFER);
  check(row, "tls_failed", rtls_plan_tls_failed(current, RTLS_TLS_LOST, NULL), RTLS_DEFER);
  check(row, "mail_params", rtls_plan_mail_params(current, text, sizeof text), RTLS_DEFER);
  check(row, "mail_reply", rtls_plan_mail_reply(current, 250, NULL), RTLS_DEFER);
  check(row, "done", rtls_plan_done(current, 250, NULL, NULL), RTLS_DEFER);
  check(row, "verdict", rtls_plan_verdict(current, &reply), RTLS_DEFER);
  check(row, "its reply", reply.code, 451);
  check(row, "get", rtls_plan_get(current, RTLS_GET_WHY, 0) == NULL, 1);
  rtls_plan_free(current);
}

static void one_by_one(void)
{
  struct row {
    const char *name;
    rtls_log_fn fn;
    void *arg;
  } rows[5];
  unsigned expected = 0;
  size_t i;

  rows[0].name = "an arg that points to nothing", rows[0].fn = counts, rows[0].arg = (void *) 1;
  rows[1].name = "slow", rows[1].fn = takes_its_time, rows[1].arg = NULL;
  rows[2].name = "errno", rows[2].fn = changes_errno, rows[2].arg = NULL;
  rows[3].name = "descriptors and memory", rows[3].fn = writes, rows[3].arg = NULL;
  rows[4].name = "calls", rows[4].fn = calls, rows[4].arg = NULL;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    char err[256];
    if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) exit(78);
    lines = 0;
    rtls_set_log(ctx, rows[i].fn, rows[i].arg);
    check(rows[i].name, "what opening had to say", lines > 0, 1);
    send_one(rows[i].name, 1);
    if (i == 0) expected = lines;
    check(rows[i].name, "as many lines as ever", (int) lines, (int) expected);
    rtls_close(ctx);
  }
}

static void the_end(void)
{
  int status = 0;
  pid_t child;
  fflush(stdout);
  if ((child = fork()) == 0) {
    if (rtls_open(&ctx, config, NULL, 0) != RTLS_GO) _exit(78);
    rtls_set_log(ctx, ends, &status);
    _exit(1);
  }
  waitpid(child, &status, 0);
  check("exit", "its status", WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
}

static void into_memory(void *arg, int level, const char *line)
{
  strcpy(arg, "told");
  counts(arg, level, line);
}

/* What arg points to goes with the last plan that has it. */
static void lifetimes(void)
{
  static const char *row = "its memory";
  char *memory = malloc(5);
  rtls_plan *before;

  if (memory == NULL || rtls_open(&ctx, config, NULL, 0) != RTLS_GO) exit(78);
  rtls_set_log(ctx, into_memory, memory);
  before = rtls_plan_new(ctx, "example.org", 0, "", 0);
  rtls_set_log(ctx, NULL, NULL);
  lines = 0;
  send_one(row, 0);
  check(row, "none any more", (int) lines, 0);
  memory[0] = '\0';
  check(row, "a plan of before", rtls_plan_lookup(before, 0), RTLS_DEFER);
  check(row, "has it still", strcmp(memory, "told"), 0);
  rtls_plan_free(before);
  memset(memory, 0, 5);
  free(memory);
  send_one(row, 0);
  rtls_close(ctx);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void one_at_a_time(void *arg, int level, const char *line)
{
  pthread_mutex_lock(&lock);
  counts(arg, level, line);
  pthread_mutex_unlock(&lock);
}

static void *turns(void *unused)
{
  int i;
  (void) unused;
  for (i = 0; i < TURNS; i++) send_one("threads", 0);
  return NULL;
}

static void at_the_same_time(void)
{
  pthread_t threads[THREADS];
  unsigned each;
  int i;

  if (rtls_open(&ctx, config, NULL, 0) != RTLS_GO) exit(78);
  rtls_set_log(ctx, one_at_a_time, NULL);
  lines = 0;
  send_one("threads", 0);
  each = lines;
  for (i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, turns, NULL) != 0) exit(71);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  check("threads", "lines", (int) lines, (int) each * (THREADS * TURNS + 1));
  rtls_close(ctx);
}

int main(int argc, char **argv)
{
  if (argc != 2) return 64;
  config = argv[1];
  one_by_one();
  the_end();
  lifetimes();
  at_the_same_time();
  return failures != 0;
}
