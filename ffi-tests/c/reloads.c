/* Threads that look up while another reads the configuration anew, as a server with threads does at SIGHUP.
 *
 *   reloads config domain threads reloads
 *
 * A thread makes a plan under the configuration of the moment, and goes on with it when that has been closed: the plan keeps
 * what it needs. Each context sends its lines to a function that all threads call. Each thread makes at least one plan between
 * two reloads. Prints what went wrong; the exit status is 0 where nothing did.
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <requiretls.h>

#define MAX_THREADS 64
#define WAIT 20000              /* milliseconds, for one look-up */

static const char *config, *domain;
static rtls_ctx *current;
static pthread_rwlock_t use = PTHREAD_RWLOCK_INITIALIZER;       /* of current: to make a plan, or to put another one there */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* for what follows */
static pthread_cond_t went_on = PTHREAD_COND_INITIALIZER;
static unsigned long turns[MAX_THREADS], lines;
static int over;
static const char *wrong;

static void tell(const char *what)
{
  pthread_mutex_lock(&lock);
  wrong = what;
  pthread_mutex_unlock(&lock);
}

static void take(void *arg, int level, const char *line)
{
  (void) level;
  pthread_mutex_lock(&lock);
  *(unsigned long *) arg += strlen(line) > 0;
  pthread_mutex_unlock(&lock);
}

/* NULL: the configuration cannot be used. */
static rtls_ctx *read_anew(void)
{
  char err[256];
  rtls_ctx *ctx;
  if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) return NULL;
  rtls_set_log(ctx, take, &lines);
  rtls_set_log_level(ctx, 7);
  return ctx;
}

static rtls_plan *new_plan(const char *next_hop)
{
  rtls_plan *p;
  pthread_rwlock_rdlock(&use);
  p = rtls_plan_new(current, next_hop, 0, "", 0);
  pthread_rwlock_unlock(&use);
  return p;
}

static void look_up(const char *next_hop, int expected)
{
  rtls_plan *p = new_plan(next_hop);
  const char *type;
  if (rtls_plan_lookup(p, WAIT) != expected) tell("rtls_plan_lookup");
  else if (expected == RTLS_GO) {
    type = rtls_plan_get(p, RTLS_GET_POLICY_TYPE, 0);
    if (type == NULL || strcmp(type, "sts") != 0) tell("rtls_plan_get");
  }
  rtls_plan_free(p);
}

static int go_on(unsigned long *own)
{
  int more;
  pthread_mutex_lock(&lock);
  ++*own;
  pthread_cond_signal(&went_on);
  more = !over;
  pthread_mutex_unlock(&lock);
  return more;
}

static void *keep_looking(void *arg)
{
  unsigned long *own = arg, turn = 0;
  char name[128];
  do {
    look_up(domain, RTLS_GO);
    /* One that nobody has asked for. */
    sprintf(name, "t%d-%lu.%.80s", (int) (own - turns), turn++, domain);
    look_up(name, RTLS_BOUNCE);
  } while (go_on(own));
  return NULL;
}

static void wait_for_a_turn(int threads)
{
  unsigned long before[MAX_THREADS];
  int i;
  pthread_mutex_lock(&lock);
  memcpy(before, turns, sizeof before);
  for (i = 0; i < threads; i++)
    while (turns[i] == before[i]) pthread_cond_wait(&went_on, &lock);
  pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
  pthread_t threads[MAX_THREADS];
  int i, count, reloads;

  if (argc != 5) return 64;
  config = argv[1];
  domain = argv[2];
  count = atoi(argv[3]);
  reloads = atoi(argv[4]);
  if (count > MAX_THREADS || (current = read_anew()) == NULL) return 78;
  for (i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, keep_looking, &turns[i]) != 0) return 71;
  for (i = 0; i < reloads; i++) {
    rtls_ctx *next = read_anew(), *last;
    if (next == NULL) return 78;
    pthread_rwlock_wrlock(&use);
    last = current;
    current = next;
    pthread_rwlock_unlock(&use);
    rtls_close(last);           /* nobody is in a call that uses it; plans of it are being looked up */
    wait_for_a_turn(count);
  }
  pthread_mutex_lock(&lock);
  over = 1;
  pthread_mutex_unlock(&lock);
  for (i = 0; i < count; i++) pthread_join(threads[i], NULL);
  rtls_close(current);
  if (lines == 0) wrong = "no line";
  if (wrong != NULL) printf("%s: another answer\n", wrong);
  return wrong != NULL;
}
