/* Several threads that share one context, each with mails and plans of its own.
 *
 *   threads config domain threads turns
 *   threads config - threads turns       nothing is looked up meanwhile
 *
 * The threads begin at one time. One plan is looked at by all of them, through a pointer to const. Prints what
 * went wrong; the exit status is 0 where nothing did.
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "story.h"

#define MAX_THREADS 64

static struct story shared;
static int turns, waiting, quietly;
static const char *wrong;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER;

static void tell(const char *what)
{
  pthread_mutex_lock(&lock);
  wrong = what;
  pthread_mutex_unlock(&lock);
}

static void *calls(void *unused)
{
  const int begin = STORY_BEGIN, end = quietly ? STORY_ASKS : STORY_CLOSE;
  int i;
  (void) unused;
  pthread_mutex_lock(&lock);
  if (--waiting == 0) pthread_cond_broadcast(&all_there);
  while (waiting > 0) pthread_cond_wait(&all_there, &lock);
  pthread_mutex_unlock(&lock);
  for (i = 0; i < turns; i++) {
    struct story own = shared;
    rtls_reply reply;
    const char *what = story_run(&own, begin, end);
    if (what != NULL) tell(what);
    if (rtls_plan_verdict(shared.p, &reply) != RTLS_DEFER) tell("the plan of all");
    if (!quietly && rtls_plan_get(shared.p, RTLS_GET_POLICY_TYPE, 0) == NULL) tell("what is known of it");
  }
  return NULL;
}

int main(int argc, char **argv)
{
  pthread_t threads[MAX_THREADS];
  int i, count;

  if (argc != 5) return 64;
  shared.config = argv[1];
  shared.domain = argv[2];
  count = atoi(argv[3]);
  turns = atoi(argv[4]);
  waiting = count;
  if (count > MAX_THREADS || story_run(&shared, 0, STORY_BEGIN) != NULL) return 78;
  quietly = strcmp(shared.domain, "-") == 0;
  shared.p = rtls_plan_new(shared.ctx, quietly ? "192.0.2.1" : shared.domain, 0, "", 0);
  if (rtls_plan_lookup(shared.p, STORY_WAIT) != RTLS_GO) return 78;
  for (i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, calls, NULL) != 0) return 71;
  for (i = 0; i < count; i++) pthread_join(threads[i], NULL);
  rtls_plan_free(shared.p);
  rtls_close(shared.ctx);
  if (wrong != NULL) printf("%s: another answer\n", wrong);
  return wrong != NULL;
}
