/* A plug-in that is loaded and closed again and again.
 *
 *   loads library config times
 *
 * Each time a thread of its own makes calls, and ends after the library was closed, when what the thread kept for it goes. Prints
 * how many descriptors, threads and mappings of the library there are more than after the first time; the exit status is 0 where
 * the library is still there.
 */
#define _POSIX_C_SOURCE 200112L
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <requiretls.h>

static const char *library, *config;
static const char *wrong;

/* POSIX has it so: an object pointer becomes one to a function. */
#define FIND(handle, function, name) (*(void **) &(function) = dlsym(handle, name))

static void *plug_in(void *unused)
{
  int (*opens)(rtls_ctx **, const char *, char *, size_t);
  void (*closes)(rtls_ctx *), (*frees)(rtls_plan *);
  rtls_plan *(*plan)(const rtls_ctx *, const char *, unsigned, const char *, unsigned);
  int (*lookup)(rtls_plan *, unsigned);
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  rtls_ctx *ctx;
  rtls_plan *p;

  (void) unused;
  if (handle == NULL) {
    wrong = dlerror();
    return NULL;
  }
  FIND(handle, opens, "rtls_open");
  FIND(handle, closes, "rtls_close");
  FIND(handle, plan, "rtls_plan_new");
  FIND(handle, lookup, "rtls_plan_lookup");
  FIND(handle, frees, "rtls_plan_free");
  if (opens(&ctx, config, NULL, 0) != RTLS_GO) {
    wrong = "not opened";
    return NULL;
  }
  p = plan(ctx, "no-dns.example", 25, "", 0);
  if (lookup(p, 200) != RTLS_DEFER) wrong = "an answer from nobody";
  frees(p);
  p = plan(ctx, "192.0.2.1", 25, "", 0);
  if (lookup(p, 0) != RTLS_GO) wrong = "no answer";
  frees(p);
  closes(ctx);
  if (dlclose(handle) != 0) wrong = "not closed";
  return NULL;
}

static int entries(const char *path)
{
  DIR *dir = opendir(path);
  int count = 0;
  if (dir == NULL) exit(71);
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count;
}

static int mappings(void)
{
  char line[4096];
  int count = 0;
  FILE *file = fopen("/proc/self/maps", "r");
  if (file == NULL) exit(71);
  while (fgets(line, sizeof line, file) != NULL) count += strstr(line, "librequiretls") != NULL;
  fclose(file);
  return count;
}

int main(int argc, char **argv)
{
  int i, times, descriptors = 0, threads = 0, mapped = 0;
  pthread_t thread;

  if (argc != 4) return 64;
  library = argv[1];
  config = argv[2];
  times = atoi(argv[3]);
  for (i = 0; i < times; i++) {
    if (pthread_create(&thread, NULL, plug_in, NULL) != 0) return 71;
    pthread_join(thread, NULL);
    if (wrong != NULL) {
      printf("%s\n", wrong);
      return 1;
    }
    if (i > 0) continue;
    descriptors = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
    mapped = mappings();
  }
  printf("descriptors %d, threads %d, mappings %d\n", entries("/proc/self/fd") - descriptors, entries("/proc/self/task") - threads,
         mappings() - mapped);
  return mapped == 0;
}
