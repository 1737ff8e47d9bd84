/* Is the library that runs the one that the header is of? Prints its version. */
#include <stdio.h>
#include <string.h>
#include <requiretls.h>

int main(void)
{
  int a, b, c;
  if (sscanf(RTLS_VERSION, "%d.%d.%d", &a, &b, &c) != 3 || a * 10000 + b * 100 + c != RTLS_VERSION_NUMBER) return 2;
  puts(rtls_version());
  return strcmp(rtls_version(), RTLS_VERSION) != 0;
}
