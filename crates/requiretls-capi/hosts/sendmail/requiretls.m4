divert(-1)
# requiretls: include(`/usr/share/requiretls/sendmail/requiretls.m4') in sendmail.mc, in front of the MAILER lines.
# It takes the place of SMART_HOST; a mailertable can still send some domains elsewhere.
#
# define(`confREQUIRETLS_SOCKET', `/run/requiretls/lmtp.sock') in front of it: one process for all messages, with
# connections that are kept (requiretls-lmtp.service), in place of a process for each.
divert(0)dnl
define(`SMART_HOST', `requiretls:requiretls')dnl
define(`confPRIVACY_FLAGS', ifdef(`confPRIVACY_FLAGS', `confPRIVACY_FLAGS`,'')`nobodyreturn')dnl
define(`confTO_DATAFINAL', `1h')dnl
MAILER_DEFINITIONS
# No $u among the arguments: that is what makes it LMTP. Recipients of all domains go together, the next hop is each
# recipient's domain.
ifdef(`confREQUIRETLS_SOCKET',
`Mrequiretls,	P=[IPC], F=CDFMXzmn8k, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=0,
		T=DNS/RFC822/SMTP, A=FILE confREQUIRETLS_SOCKET',
`Mrequiretls,	P=/usr/bin/requiretls, F=CDFMXzmn8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=0,
		T=DNS/RFC822/SMTP, U=requiretls, A=requiretls lmtp')
divert(0)dnl
