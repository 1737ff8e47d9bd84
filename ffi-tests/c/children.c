/* Children before and after each call of the library, and many at once.
 *
 *   children config domain at-once
 *
 * First a child is forked before each call; it makes all calls that are left, while its parent makes that one. Then so many
 * children are forked at one time: they wait for each other, and each makes all calls with the context of the parent, for the
 * domain and for a name that nobody has asked for. Prints what went wrong; the exit status is 0 where nothing did.
 */
#define _POSIX_C_SOURCE 200112L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "story.h"

#define SECONDS 120
#define MAX_CHILDREN 1000

static int failures;

static void failed(const char *when, const char *what)
{
  printf("%s: %s\n", when, what);
  fflush(stdout);
  failures++;
}

static void collect(pid_t child, const char *when)
{
  int status;
  if (waitpid(child, &status, 0) != child) failed(when, "a child is lost");
  else if (!WIFEXITED(status)) failed(when, "a child was killed");
  else if (WEXITSTATUS(status) != 0) failed(when, "a child got another answer");
}

/* Never returns. */
static void go_on(struct story *s, int from, int to)
{
  const char *wrong;
  alarm(SECONDS);
  wrong = story_run(s, from, to);
  if (wrong != NULL) failed("child", wrong);
  _exit(wrong != NULL);
}

static void before_each_call(struct story s)
{
  pid_t children[100];
  int i, end = STORY_END;
  for (i = 0; i <= end && i < 100; i++) {
    if ((children[i] = fork()) == 0) go_on(&s, i, end);
    if (i < end && story_steps[i].run(&s) != story_steps[i].answer) failed("parent", story_steps[i].name);
  }
  while (i-- > 0) collect(children[i], i < end ? story_steps[i].name : "at the end");
}

/* A name that is not there, which takes asking. */
static int not_there(const struct story *s, int number)
{
  char name[300];
  rtls_plan *p;
  int action;
  sprintf(name, "n%d.%.200s", number, s->domain);
  p = rtls_plan_new(s->ctx, name, 0, "", 0);
  action = rtls_plan_lookup(p, STORY_WAIT);
  rtls_plan_free(p);
  return action;
}

static void at_once(struct story s, int count)
{
  static pid_t children[MAX_CHILDREN];
  int gate[2], i;
  char byte;
  if (pipe(gate) != 0) exit(71);
  if (story_run(&s, 0, STORY_BEGIN) != NULL) failed("parent", "no context");
  for (i = 0; i < count && i < MAX_CHILDREN; i++) {
    if ((children[i] = fork()) == 0) {
      close(gate[1]);
      alarm(SECONDS);
      if (read(gate[0], &byte, 1) != 0) _exit(71);
      if (not_there(&s, i) != RTLS_BOUNCE) _exit(1);
      go_on(&s, STORY_BEGIN, STORY_END);
    }
    if (children[i] < 0) failed("parent", "no child");
  }
  close(gate[0]);
  close(gate[1]);
  while (i-- > 0) collect(children[i], "at once");
  if (story_run(&s, STORY_BEGIN, STORY_END) != NULL) failed("parent", "another answer");
}

int main(int argc, char **argv)
{
  struct story s;
  if (argc != 4) return 64;
  memset(&s, 0, sizeof s);
  s.config = argv[1];
  s.domain = argv[2];
  before_each_call(s);
  at_once(s, atoi(argv[3]));
  return failures != 0;
}
