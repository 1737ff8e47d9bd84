divert(-1)dnl
dnl # requiretls: to be included in sendmail.mc, in front of the MAILER lines. It takes the place of SMART_HOST;
dnl # a mailertable can still send some domains elsewhere.
dnl #
dnl # Where confREQUIRETLS_SOCKET is defined in front of it, /run/requiretls/lmtp.sock say, there is one process for all
dnl # messages, with connections that are kept (requiretls-lmtp.socket), in place of a process for each.
define(`SMART_HOST', `requiretls:requiretls')
dnl # RFC 8689 section 5: a message that required TLS is returned without its body, and so is every other: Sendmail has no
dnl # setting for one message.
ifdef(`confPRIVACY_FLAGS', `define(`confPRIVACY_FLAGS', defn(`confPRIVACY_FLAGS')`,nobodyreturn')',
	`define(`confPRIVACY_FLAGS', `authwarnings,nobodyreturn')')
divert(0)dnl
LOCAL_CONFIG
# requiretls. A message's tag stays with it in the queue as a macro, from where its bounce has it too: the bounce requires
# what the message required (RFC 8689 section 5).
C{persistentMacros}{requiretls}
Krequiretls_tag macro
HRequireTLS-Tag: $>+RequiretlsTag
H?${requiretls}?RequireTLS-Tag: ${requiretls}
LOCAL_RULESETS
SRequiretlsTag
R$*			$: $(requiretls_tag {requiretls} $@ $1 $) $1
MAILER_DEFINITIONS
# requiretls. No $u among the arguments: that is what makes it LMTP. Recipients of all domains go together; the next hop
# is each recipient's domain.
ifdef(`confREQUIRETLS_SOCKET',
`Mrequiretls,	P=[IPC], F=CDFMXzmn8k, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=0,
		T=DNS/RFC822/SMTP, A=FILE confREQUIRETLS_SOCKET',
`Mrequiretls,	P=/usr/bin/requiretls, F=CDFMXzmn8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=0,
		T=DNS/RFC822/SMTP, U=requiretls, A=requiretls lmtp')
divert(0)dnl
