/* Numbers and layouts that never change, checked by the compiler: a wrong one makes an array of negative size. */
#include <stddef.h>
#include <requiretls.h>

#define FROZEN(name, condition) typedef char name[(condition) ? 1 : -1]

FROZEN(actions, RTLS_DEFER == 0 && RTLS_GO == 1 && RTLS_NEXT_HOST == 2 && RTLS_BOUNCE == 3 && RTLS_STARTTLS == 4 && RTLS_AGAIN == 5);
FROZEN(answers, RTLS_NOT_OURS == 0 && RTLS_TAKEN == 1 && RTLS_REFUSED == -1);
FROZEN(flags, RTLS_F_TLS == 1 && RTLS_F_RAISE_ONLY == 2 && RTLS_F_NULL_PATH == 4 && RTLS_F_LMTP == 8 && RTLS_F_AUTH == 16);
FROZEN(sizes, RTLS_TAG_SIZE == 65 && RTLS_PARAMS_SIZE == 64 && RTLS_HOST_SIZE == 256 && RTLS_SESSION_SIZE == 256);
FROZEN(get_1_to_5, RTLS_GET_LEVEL == 1 && RTLS_GET_PARAMS == 2 && RTLS_GET_RET == 3 && RTLS_GET_WHY == 4 && RTLS_GET_SNI == 5);
FROZEN(get_6_to_9, RTLS_GET_SESSION == 6 && RTLS_GET_METHOD == 7 && RTLS_GET_NAME == 8 && RTLS_GET_TTL == 9);
FROZEN(get_10_to_12, RTLS_GET_POLICY_TYPE == 10 && RTLS_GET_POLICY_DOMAIN == 11 && RTLS_GET_POLICY_STRING == 12);
FROZEN(get_13_to_15, RTLS_GET_MX_PATTERN == 13 && RTLS_GET_POLICY_FAILURE == 14 && RTLS_GET_ADDRESS == 15);
FROZEN(ends, RTLS_CLOSED == -1 && RTLS_TLS_LOST == 0 && RTLS_TLS_REJECTED == 1);
FROZEN(whole_text, RTLS_NUL == (size_t) -1);

#ifdef SIZE_T
FROZEN(machine, sizeof(size_t) == SIZE_T);
#endif
FROZEN(reply_code, offsetof(rtls_reply, code) == 0);
FROZEN(reply_enhanced, offsetof(rtls_reply, enhanced) == sizeof(int));
FROZEN(reply_text, offsetof(rtls_reply, text) == sizeof(int) + 12);
FROZEN(reply_size, sizeof(rtls_reply) == sizeof(int) + 12 + 256);
FROZEN(mail_reply, offsetof(rtls_mail, reply) == 0);
FROZEN(mail_opaque, offsetof(rtls_mail, opaque) == sizeof(rtls_reply));
FROZEN(mail_size, sizeof(rtls_mail) == sizeof(rtls_reply) + 16 * sizeof(size_t));
FROZEN(bytes_data, offsetof(rtls_bytes, data) == 0);
FROZEN(bytes_size, sizeof(rtls_bytes) == sizeof(void *) + sizeof(size_t));
