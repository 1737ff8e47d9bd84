/* A server that takes a new configuration while messages are under way.
 *
 *   reload config < lines
 *
 * For each line on standard input the configuration is read anew, as at SIGHUP. New messages get the new one; a plan that was
 * made before goes on under the old one, whose context is closed at once: the plan keeps what it needs of it. Where the new
 * file cannot be used, the server says so and goes on with what it has.
 */
#include <stdio.h>
#include <string.h>
#include <requiretls.h>

/* The next hop is the site's own route to a partner, so that nothing need be looked up in DNS. */
#define NEXT_HOP "partner.example"
#define HOST "192.0.2.1"

/* A message on its way to the partner. */
static rtls_plan *message(const rtls_ctx *ctx)
{
  rtls_plan *p = rtls_plan_new(ctx, NEXT_HOP, 25, "", 0);
  if (rtls_plan_add_host(p, HOST) == RTLS_GO) rtls_plan_lookup(p, 1000);
  return p;
}

/* What the partner's host must reach. The plan begins anew, with what it knows: it may be tried again. */
static void tell(const char *which, rtls_plan *p)
{
  const char *level = NULL;
  if (rtls_plan_lookup(p, 0) == RTLS_GO && rtls_plan_host(p, HOST) == RTLS_GO) level = rtls_plan_get(p, RTLS_GET_LEVEL, 0);
  printf("%s: %s\n", which, level != NULL ? level : "?");
}

int main(int argc, char **argv)
{
  char line[256], err[512];
  rtls_ctx *ctx, *next;
  rtls_plan *old_plan, *new_plan;

  if (argc != 2) {
    fprintf(stderr, "usage: reload config < lines\n");
    return 64;
  }
  if (rtls_open(&ctx, argv[1], err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "reload: %s\n", err);
    return 78;
  }
  old_plan = message(ctx);
  tell("started", old_plan);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (rtls_open(&next, argv[1], err, sizeof err) != RTLS_GO) printf("kept: %s\n", err);
    else {
      rtls_close(ctx);
      ctx = next;
    }
    new_plan = message(ctx);
    tell("old plan", old_plan);
    tell("new plan", new_plan);
    rtls_plan_free(old_plan);
    old_plan = new_plan;
    fflush(stdout);
  }
  rtls_plan_free(old_plan);
  rtls_close(ctx);
  return 0;
}
