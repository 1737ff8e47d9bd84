/* How long does a program wait for its first answer, and for each one after it?
 *
 *   first library config
 *
 * Loads the library, opens a context and has a MAIL command of 67 octets answered. Prints how many nanoseconds that took
 * from the start of dlopen; then those of the same command's calls, begin, line and end, in the best of many rounds.
 */
#define _POSIX_C_SOURCE 200112L
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <requiretls.h>

#define ROUNDS 400
#define TURNS 1000

/* POSIX has it so: an object pointer becomes one to a function. */
#define FIND(function, name) (*(void **) &(function) = dlsym(handle, name))

static const char line[] = "MAIL FROM:<alice@sender.example> BODY=8BITMIME SIZE=4096 REQUIRETLS";

static void *handle;
static int (*opens)(rtls_ctx **, const char *, char *, size_t);
static void (*begin)(rtls_mail *, size_t, const rtls_ctx *, unsigned);
static int (*reads)(rtls_mail *, const char *, size_t);
static int (*end)(rtls_mail *, char *, size_t);

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static int answered(const rtls_ctx *ctx, rtls_mail *m, char *tag)
{
  begin(m, sizeof *m, ctx, RTLS_F_TLS);
  reads(m, line, sizeof line - 1);
  return end(m, tag, RTLS_TAG_SIZE);
}

int main(int argc, char **argv)
{
  rtls_ctx *ctx;
  rtls_mail m;
  char tag[RTLS_TAG_SIZE], err[256];
  double start, first, best = 1e18;
  int round, turn;

  if (argc != 3) return 64;
  start = now();
  if ((handle = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL)) == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  FIND(opens, "rtls_open");
  FIND(begin, "rtls_mail_begin");
  FIND(reads, "rtls_mail_line");
  FIND(end, "rtls_mail_end");
  if (opens(&ctx, argv[2], err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "%s\n", err);
    return 78;
  }
  if (answered(ctx, &m, tag) != RTLS_TAKEN || strcmp(tag, "1.secure.onward") != 0) return 1;
  first = now() - start;
  for (round = 0; round < ROUNDS; round++) {
    double took;
    start = now();
    for (turn = 0; turn < TURNS; turn++)
      if (answered(ctx, &m, tag) != RTLS_TAKEN) return 1;
    took = (now() - start) / TURNS;
    if (took < best) best = took;
  }
  printf("%.0f %.1f\n", first, best);
  return 0;
}
