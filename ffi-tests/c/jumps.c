/* A server that leaves the handling of a command by longjmp() between any two calls, as Sendmail does in usrerr().
 *
 *   jumps config turns
 *
 * Prints what went wrong; the exit status is 0 where nothing did.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "story.h"

static jmp_buf command;

static void leave_at(int call, int place)
{
  if (call == place) longjmp(command, 1);
}

/* The server gives up after so many calls. */
static void mail(const rtls_ctx *ctx, int place)
{
  rtls_mail m;
  char tag[RTLS_TAG_SIZE];
  leave_at(0, place);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  leave_at(1, place);
  rtls_mail_tag(&m, "1.encrypt", RTLS_NUL, 0);
  leave_at(2, place);
  rtls_mail_param(&m, "REQUIRETLS", RTLS_NUL, NULL, 0);
  leave_at(3, place);
  rtls_mail_header(&m, "TLS-Required", RTLS_NUL, "No", RTLS_NUL);
  leave_at(4, place);
  if (rtls_mail_param(&m, "REQUIRETLS", RTLS_NUL, NULL, 0) == RTLS_REFUSED) leave_at(5, place);
  rtls_mail_end(&m, tag, sizeof tag);
  leave_at(6, place);
}

int main(int argc, char **argv)
{
  volatile int turn, jumped = 0;
  rtls_ctx *ctx;
  rtls_mail m;
  char tag[RTLS_TAG_SIZE];
  int turns;

  if (argc != 3 || rtls_open(&ctx, argv[1], NULL, 0) != RTLS_GO) return 78;
  turns = atoi(argv[2]);
  for (turn = 0; turn < turns; turn++) {
    if (setjmp(command) == 0) mail(ctx, turn % 7);
    else jumped++;
  }
  if (jumped != turns) printf("%d of %d left\n", jumped, turns);
  rtls_mail_begin(&m, sizeof m, ctx, RTLS_F_TLS);
  rtls_mail_line(&m, "MAIL FROM:<a@b.example> REQUIRETLS", RTLS_NUL);
  if (rtls_mail_end(&m, tag, sizeof tag) != RTLS_TAKEN) printf("the next command is refused\n");
  else jumped++;
  rtls_close(ctx);
  return jumped != turns + 1;
}
