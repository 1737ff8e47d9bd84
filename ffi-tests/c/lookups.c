/* lookups.h: a queue to the threads, a list and a pipe back. */
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <pthread.h>
#include <unistd.h>
#include "lookups.h"

#define MAX_WORKERS 16
#define WAIT 20000              /* milliseconds */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static pthread_t threads[MAX_WORKERS];
static struct lookup *asked, *answered;
static int running, no_more, back[2];

static void *worker(void *unused)
{
  struct lookup *l;
  (void) unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (asked == NULL && !no_more) pthread_cond_wait(&work, &lock);
    if (asked == NULL) break;
    l = asked;
    asked = l->next;
    pthread_mutex_unlock(&lock);
    l->answer = rtls_plan_lookup(l->plan, WAIT);
    pthread_mutex_lock(&lock);
    l->next = answered;
    answered = l;
    while (write(back[1], "", 1) < 0 && errno == EINTR);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

int lookups_start(int workers)
{
  if (pipe(back) != 0) return -1;
  while (running < workers && running < MAX_WORKERS && pthread_create(&threads[running], NULL, worker, NULL) == 0) running++;
  return running > 0 ? back[0] : -1;
}

void lookups_ask(struct lookup *l)
{
  pthread_mutex_lock(&lock);
  l->next = asked;
  asked = l;
  pthread_cond_signal(&work);
  pthread_mutex_unlock(&lock);
}

struct lookup *lookups_take(void)
{
  char bytes[256];
  struct lookup *list;
  if (read(back[0], bytes, sizeof bytes) < 0) return NULL;
  pthread_mutex_lock(&lock);
  list = answered;
  answered = NULL;
  pthread_mutex_unlock(&lock);
  return list;
}

void lookups_stop(void)
{
  pthread_mutex_lock(&lock);
  no_more = 1;
  pthread_cond_broadcast(&work);
  pthread_mutex_unlock(&lock);
  while (running > 0) pthread_join(threads[--running], NULL);
  close(back[0]);
  close(back[1]);
}
