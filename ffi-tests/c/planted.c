/* A fault of the library that it was built with on purpose, for a tool to find.
 *
 *   planted library read|race
 *
 * "-" instead of a library: the program is linked with it. The exit status is 0 where nobody minds.
 */
#define _POSIX_C_SOURCE 200112L
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static int (*count)(void);

static void *counts(void *unused)
{
  int i;
  (void) unused;
  for (i = 0; i < 1000; i++) count();
  return NULL;
}

int main(int argc, char **argv)
{
  int (*read_too_far)(size_t);
  pthread_t threads[2];
  void *library;
  int i;

  if (argc != 3 || (library = dlopen(strcmp(argv[1], "-") == 0 ? NULL : argv[1], RTLD_NOW)) == NULL) return 64;
  *(void **) &count = dlsym(library, "rtls_test_count");
  *(void **) &read_too_far = dlsym(library, "rtls_test_read_too_far");
  if (count == NULL || read_too_far == NULL) return 78;
  if (strcmp(argv[2], "read") == 0) {
    read_too_far(16);
    return 0;
  }
  for (i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, counts, NULL) != 0) return 71;
  for (i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return 0;
}
