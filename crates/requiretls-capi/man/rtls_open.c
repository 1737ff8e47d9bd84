#include <requiretls.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
  rtls_ctx *ctx;
  char err[256];

  if (strcmp(rtls_version(), RTLS_VERSION) != 0)
    fprintf(stderr, "compiled with %s, running with %s\n",
            RTLS_VERSION, rtls_version());
  if (rtls_open(&ctx, argc > 1 ? argv[1] : NULL, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "%s\n", err); /* file, line and cause */
    return 78;
  }
  /* chroot(), setuid() and fork() may follow. */
  rtls_close(ctx);
  return 0;
}
