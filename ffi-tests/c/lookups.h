/* Worker threads for the one call that waits, rtls_plan_lookup. */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <requiretls.h>

/* A plan on its way to a worker and back. Between lookups_ask and lookups_take it belongs to the worker. */
struct lookup {
  rtls_plan *plan;
  int answer;                   /* of rtls_plan_lookup */
  void *whose;
  struct lookup *next;
};

/* A descriptor that can be read when a plan has come back; -1: no threads or descriptors can be had. */
int lookups_start(int workers);

/* Hands a plan over. */
void lookups_ask(struct lookup *);

/* The plans that have come back since, linked by next. */
struct lookup *lookups_take(void);

/* Ends the threads, which have no work any more. */
void lookups_stop(void);

#endif
