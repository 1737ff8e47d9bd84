/* Looks up from several threads while another forks, and counts what is left open.
 *
 *   forks config threads children zone domain...
 *
 * First every domain is looked up by itself. Then so many threads look up, the domains and names of their own below zone,
 * while the first thread forks so many children, one after the other. Each child asks for a domain that its parent has
 * looked up, without time to ask anybody, and for a name that nobody has asked for yet. Before and after each look-up
 * descriptors and threads are counted. One line per domain on standard output, then one for the whole; the exit status
 * is 0 when nothing was left and every child came back in time.
 */
#define _POSIX_C_SOURCE 200112L
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <requiretls.h>

#define MAX_THREADS 64
#define PATIENCE 10000                  /* milliseconds, for one look-up */
#define CHILD_SECONDS 30

struct counts {
  int descriptors, threads;
};

struct looker {
  pthread_t thread;
  int number;
  unsigned long looked_up;
};

static rtls_ctx *ctx;
static const char *zone;
static char **domains;
static int domain_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* of over; no child asks for it */
static int over;

static void fail(const char *what)
{
  fprintf(stderr, "forks: %s\n", what);
  exit(1);
}

/* Nobody reads the lines, but they are made. */
static void discard(void *arg, int level, const char *line)
{
  (void) arg;
  (void) level;
  (void) line;
}

static int entries(const char *path)
{
  DIR *dir = opendir(path);
  int count = 0;

  if (dir == NULL) return -1;
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count;
}

static struct counts count(void)
{
  struct counts now;

  now.descriptors = entries("/proc/self/fd");
  now.threads = entries("/proc/self/task");
  return now;
}

static int same(struct counts a, struct counts b)
{
  return a.descriptors == b.descriptors && a.threads == b.threads;
}

static int look_up(const char *domain, unsigned timeout)
{
  rtls_plan *plan = rtls_plan_new(ctx, domain, 0, "", 0);
  int action = rtls_plan_lookup(plan, timeout);

  rtls_plan_free(plan);
  return action;
}

/* A name that nobody else asks for, and that is not there. */
static int look_up_new(const char *who, int number, unsigned long turn)
{
  char name[128];

  sprintf(name, "%s%d-%lu.%.80s", who, number, turn, zone);
  return look_up(name, PATIENCE);
}

static int is_over(void)
{
  int is;

  pthread_mutex_lock(&lock);
  is = over;
  pthread_mutex_unlock(&lock);
  return is;
}

static void end(void)
{
  pthread_mutex_lock(&lock);
  over = 1;
  pthread_mutex_unlock(&lock);
}

static void *keep_looking(void *arg)
{
  struct looker *looker = arg;

  while (!is_over()) {
    look_up(domains[looker->looked_up % (unsigned long) domain_count], PATIENCE);
    look_up_new("t", looker->number, looker->looked_up++);
  }
  return NULL;
}

static void *do_nothing(void *unused)
{
  return unused;
}

/* Never returns. */
static void be_a_child(int number)
{
  struct counts before, after;

  alarm(CHILD_SECONDS);
  before = count();
  if (look_up(domains[0], 0) != RTLS_GO) _exit(2);
  if (look_up_new("c", number, 0) != RTLS_BOUNCE) _exit(3);
  after = count();
  if (!same(before, after)) _exit(4);
  _exit(after.threads == 3 ? 0 : 5);    /* one, "." and ".." */
}

int main(int argc, char **argv)
{
  struct counts at_first, before, after;
  struct looker lookers[MAX_THREADS];
  char err[256];
  unsigned long looked_up = 0;
  int threads, children, i, status, left = 0;

  if (argc < 6) fail("usage: forks config threads children zone domain...");
  threads = atoi(argv[2]);
  children = atoi(argv[3]);
  zone = argv[4];
  domains = argv + 5;
  domain_count = argc - 5;
  if (threads > MAX_THREADS) fail("too many threads");

  /* A sanitizer has a thread of its own, which begins with the first of ours. */
  if (pthread_create(&lookers[0].thread, NULL, do_nothing, NULL) != 0) fail("no thread");
  pthread_join(lookers[0].thread, NULL);
  at_first = count();
  if (rtls_open(&ctx, argv[1], err, sizeof err) != RTLS_GO) fail(err);
  rtls_set_log(ctx, discard, NULL);
  rtls_set_log_level(ctx, 7);
  for (i = 0; i < domain_count; i++) {
    int action;
    before = count();
    action = look_up(domains[i], PATIENCE);
    after = count();
    printf("%s: %d, descriptors %d, threads %d\n", domains[i], action, after.descriptors - before.descriptors,
           after.threads - before.threads);
    left |= !same(before, after);
  }

  before = count();
  for (i = 0; i < threads; i++) {
    lookers[i].number = i;
    lookers[i].looked_up = 0;
    if (pthread_create(&lookers[i].thread, NULL, keep_looking, &lookers[i]) != 0) fail("no thread");
  }
  for (i = 0; i < children; i++) {
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child < 0) fail("no child");
    if (child == 0) be_a_child(i);
    if (waitpid(child, &status, 0) != child) fail("a child is lost");
    if (status != 0) {
      fprintf(stderr, "forks: child %d of %d: status %d\n", i + 1, children, status);
      return 1;
    }
  }
  end();
  for (i = 0; i < threads; i++) {
    pthread_join(lookers[i].thread, NULL);
    looked_up += lookers[i].looked_up;
  }
  after = count();
  left |= !same(before, after);
  rtls_close(ctx);
  left |= !same(at_first, count());
  printf("%d children, %lu turns of %d threads, descriptors %d, threads %d\n", children, looked_up, threads,
         after.descriptors - before.descriptors, after.threads - before.threads);
  return left;
}
