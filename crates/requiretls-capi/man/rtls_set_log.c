#include <requiretls.h>
#include <stdio.h>

static void to_file(void *arg, int syslog_level, const char *line)
{
  fprintf((FILE *) arg, "<%d>%s\n", syslog_level, line);
}

int main(void)
{
  rtls_ctx *ctx;
  rtls_plan *plan;
  char err[256];

  if (rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) return 78;
  rtls_set_log(ctx, to_file, stderr); /* what rtls_open had to say comes now */
  rtls_set_log_level(ctx, 5);         /* notices, warnings and errors */
  plan = rtls_plan_new(ctx, "example.net", 25, "", 0);
  rtls_plan_host(plan, "mx.example.net"); /* out of order, which is told */
  rtls_plan_free(plan);
  rtls_close(ctx);
  return 0;
}
