/*
 * Both servers run without root: as "nobody" where the test is root, so that there is one way of running them.  Exim comes from build/mail (scripts/mail-server) and
 * is told by libnss_wrapper that its user "Debian-exim" is the one it runs as; Dovecot has to be installed, since it loads modules from a
 * fixed place.  Free ports are found by trying; should somebody else take one in between, the servers are started anew with others.
 */
#include "mail_rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "tls.h"

#define ENV_MAX 6

static _Noreturn void give_up(const char *what, const char *which)
{
	fprintf(stderr, "mail rig: %s: %s: %s\n", what, which, strerror(errno));
	abort();
}

static void nap(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

static uid_t server_uid(void)
{
	return getuid() == 0 ? 65534 : getuid();
}

static gid_t server_gid(void)
{
	return getuid() == 0 ? 65534 : getgid();
}

/* ---- files ---- */

static void path_of(const struct mail_rig *m, const char *name, char out[400])
{
	if (snprintf(out, 400, "%s/%s", m->dir, name) >= 400)
		give_up("path too long", name);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		give_up("mkdir", path);
	if (getuid() == 0 && chown(path, server_uid(), server_gid()) != 0)
		give_up("chown", path);
}

/* Written whole under another name, so that the servers never see a part. */
static void write_file(const char *path, const char *text, size_t n)
{
	char tmp[420];
	snprintf(tmp, sizeof tmp, "%s.part", path);
	FILE *f = fopen(tmp, "w");
	if (f == NULL || fwrite(text, 1, n, f) != n || fchmod(fileno(f), 0600) != 0 ||
	    (getuid() == 0 && fchown(fileno(f), server_uid(), server_gid()) != 0) || fclose(f) != 0 || rename(tmp, path) != 0)
		give_up("write", path);
}

__attribute__((format(printf, 3, 4))) static void write_conf(const struct mail_rig *m, const char *name, const char *format, ...)
{
	char path[400], *text;
	va_list ap;
	path_of(m, name, path);
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	write_file(path, text, (size_t)n);
	free(text);
}

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) != 0)
		give_up("stat", path);
	char *text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		abort();
	*n = fread(text, 1, (size_t)st.st_size, f);
	text[*n] = '\0';
	fclose(f);
	return text;
}

static void append_line(const struct mail_rig *m, const char *name, const char *line)
{
	char path[400];
	size_t n = 0;
	path_of(m, name, path);
	char *old = read_file(path, &n), *all;
	int len = asprintf(&all, "%s%s\n", old != NULL ? old : "", line);
	if (len < 0)
		abort();
	write_file(path, all, (size_t)len);
	free(all);
	free(old);
}

/* ---- processes ---- */

/* ${log}: what takes stdout and stderr.  As the servers' user, ends with this process. */
static pid_t run(const struct mail_rig *m, const char *log, const char *const *env, const char *const *argv)
{
	char path[400];
	path_of(m, log, path);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		give_up("fork", argv[0]);
	if (pid > 0)
		return pid;
	int out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644), in = open("/dev/null", O_RDONLY);
	if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	if (getuid() == 0 &&
	    (fchown(out, server_uid(), server_gid()) != 0 || setgroups(0, NULL) != 0 || setgid(server_gid()) != 0 ||
	        setuid(server_uid()) != 0))
		_exit(126);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || chdir(m->dir) != 0)
		_exit(126);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	static const char *const bare[] = { NULL };
	execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)(env != NULL ? env : bare));
	perror(argv[0]);
	_exit(127);
}

static void end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGTERM);
	for (int i = 0; i < 500; i++) {
		if (waitpid(*pid, NULL, WNOHANG) != 0) {
			*pid = 0;
			return;
		}
		nap(10);
	}
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static int connect_to(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool await_port(pid_t pid, int port)
{
	for (int i = 0; i < 9000; i++) {
		int fd = connect_to(port), status;
		if (fd >= 0) {
			close(fd);
			return true;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return false;
		nap(10);
	}
	return false;
}

static void show_log(const struct mail_rig *m, const char *name)
{
	char path[400];
	size_t n;
	path_of(m, name, path);
	char *text = read_file(path, &n);
	fprintf(stderr, "---- %s\n%s\n", name, text != NULL ? (n > 4000 ? text + n - 4000 : text) : "(nothing)");
	free(text);
}

/* ---- the servers ---- */

static void dovecot_conf(const struct mail_rig *m)
{
	struct passwd *p = getpwuid(server_uid());
	struct group *g = getgrgid(server_gid());
	if (p == NULL || g == NULL)
		give_up("this user has no name", "getpwuid");
	char *user = strdup(p->pw_name), *group = strdup(g->gr_name);
	write_conf(m, "dovecot.conf",
	    "protocols = imap submission\n"
	    "listen = 127.0.0.1\n"
	    "base_dir = %1$s/run\n"
	    "state_dir = %1$s/state\n"
	    "instance_name = eddy-test\n"
	    "log_path = %1$s/dovecot.log\n"
	    "default_internal_user = %2$s\n"
	    "default_login_user = %2$s\n"
	    "default_internal_group = %3$s\n"
	    "first_valid_uid = 1\n"
	    "hostname = " MAIL_RIG_HOST "\n"
	    "ssl = yes\n"
	    "ssl_cert = <%1$s/server.pem\n"
	    "ssl_key = <%1$s/server.key\n"
	    "disable_plaintext_auth = yes\n"
	    "auth_mechanisms = plain login xoauth2 oauthbearer\n"
	    "auth_failure_delay = 0\n"
	    "mail_location = maildir:%1$s/mail/%%u\n"
	    "mail_uid = %4$u\n"
	    "mail_gid = %5$u\n"
	    "mail_max_userip_connections = 40\n"
	    "service anvil {\n chroot =\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\n"
	    "service imap-login {\n chroot =\n process_min_avail = 1\n"
	    " inet_listener imap {\n  port = %6$d\n }\n inet_listener imaps {\n  port = %7$d\n  ssl = yes\n }\n}\n"
	    "service submission-login {\n chroot =\n"
	    " inet_listener submission {\n  port = %8$d\n }\n inet_listener submissions {\n  port = %9$d\n  ssl = yes\n }\n}\n"
	    "submission_relay_host = 127.0.0.1\n"
	    "submission_relay_port = %10$d\n"
	    "submission_relay_trusted = no\n"
	    "submission_host = " MAIL_RIG_HOST "\n"
	    "passdb {\n driver = passwd-file\n mechanisms = plain login\n args = %1$s/users/%%u\n}\n"
	    "passdb {\n driver = oauth2\n mechanisms = xoauth2 oauthbearer\n args = %1$s/oauth2.conf\n}\n"
	    "userdb {\n driver = static\n args = uid=%4$u gid=%5$u home=%1$s/mail/%%u allow_all_users=yes\n}\n"
	    "namespace inbox {\n inbox = yes\n"
	    " mailbox Sent {\n  special_use = \\Sent\n  auto = subscribe\n }\n"
	    " mailbox Drafts {\n  special_use = \\Drafts\n  auto = create\n }\n"
	    " mailbox Junk {\n  special_use = \\Junk\n  auto = create\n }\n"
	    " mailbox Trash {\n  special_use = \\Trash\n  auto = create\n }\n}\n",
	    m->dir, user, group, (unsigned)server_uid(), (unsigned)server_gid(), m->imap_port, m->imaps_port, m->submission_port,
	    m->submissions_port, m->relay_port);
	write_conf(m, "oauth2.conf",
	    "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=%s/keys/\nusername_attribute = sub\n", m->dir);
	free(user);
	free(group);
}

static void exim_conf(const struct mail_rig *m)
{
	write_conf(m, "nss.passwd", "root:x:0:0::/:/bin/sh\nDebian-exim:x:%1$u:%2$u::%3$s:/bin/sh\n", (unsigned)server_uid(),
	    (unsigned)server_gid(), m->dir);
	write_conf(m, "nss.group", "root:x:0:\nDebian-exim:x:%u:\n", (unsigned)server_gid());
	write_conf(m, "exim.conf",
	    "primary_hostname = " MAIL_RIG_HOST "\n"
	    "exim_path = %1$s/exim/exim4\n"
	    "spool_directory = %1$s/spool\n"
	    "log_file_path = %1$s/exim-%%slog\n"
	    "log_selector = +all_parents\n"
	    "deliver_drop_privilege = true\n"
	    "local_interfaces = 127.0.0.1.%2$d : 127.0.0.1.%3$d\n"
	    "daemon_smtp_ports = %2$d\n"
	    "tls_advertise_hosts =\n"
	    "chunking_advertise_hosts =\n"
	    "host_lookup =\n"
	    "rfc1413_hosts =\n"
	    "qualify_domain = test.example\n"
	    "message_size_limit = 60M\n"
	    "smtp_accept_max = 100\n"
	    "smtp_accept_max_per_connection = 100000\n"
	    "smtp_accept_queue_per_connection = 0\n"
	    "smtp_reserve_hosts =\n"
	    "recipients_max = 1000\n"
	    "ignore_bounce_errors_after = 1m\n"
	    "timeout_frozen_after = 1m\n"
	    "keep_environment = ^LD_ : ^NSS_\n"
	    "never_users =\n"
	    "acl_smtp_connect = on_connect\n"
	    "acl_smtp_mail = on_mail\n"
	    "acl_smtp_rcpt = on_rcpt\n"
	    "acl_smtp_data = on_data\n"
	    "begin acl\n"
	    "on_connect:\n"
	    "  deny condition = ${if match{${lookup{CONNECT}lsearch{%1$s/refuse}}}{^5}}\n"
	    "       message = ${lookup{CONNECT}lsearch{%1$s/refuse}}\n"
	    "  defer condition = ${if match{${lookup{CONNECT}lsearch{%1$s/refuse}}}{^4}}\n"
	    "       message = ${lookup{CONNECT}lsearch{%1$s/refuse}}\n"
	    "  accept\n"
	    "on_mail:\n"
	    "  deny condition = ${if match{${lookup{MAIL}lsearch{%1$s/refuse}}}{^5}}\n"
	    "       message = ${lookup{MAIL}lsearch{%1$s/refuse}}\n"
	    "  defer condition = ${if match{${lookup{MAIL}lsearch{%1$s/refuse}}}{^4}}\n"
	    "       message = ${lookup{MAIL}lsearch{%1$s/refuse}}\n"
	    "  accept\n"
	    "on_rcpt:\n"
	    "  deny condition = ${if match{${lookup{$local_part@$domain}lsearch*{%1$s/refuse}}}{^5}}\n"
	    "       message = ${lookup{$local_part@$domain}lsearch*{%1$s/refuse}}\n"
	    "  defer condition = ${if match{${lookup{$local_part@$domain}lsearch*{%1$s/refuse}}}{^4}}\n"
	    "       message = ${lookup{$local_part@$domain}lsearch*{%1$s/refuse}}\n"
	    "  accept condition = ${if match{$local_part}{^gone}}\n"
	    "  deny !verify = recipient\n"
	    "       message = 550 5.1.1 <$local_part@$domain>: there is no such mailbox\n"
	    "  accept\n"
	    "on_data:\n"
	    "  deny condition = ${if match{${lookup{DATA}lsearch{%1$s/refuse}}}{^5}}\n"
	    "       message = ${lookup{DATA}lsearch{%1$s/refuse}}\n"
	    "  defer condition = ${if match{${lookup{DATA}lsearch{%1$s/refuse}}}{^4}}\n"
	    "       message = ${lookup{DATA}lsearch{%1$s/refuse}}\n"
	    "  warn condition = ${if and{{={$received_port}{%3$d}}{eqi{${domain:${address:$h_from:}}}{$sender_address_domain}}}}\n"
	    "       add_header = :at_start:Authentication-Results: " MAIL_RIG_HOST
	    "; dmarc=pass header.from=${domain:${address:$h_from:}}; "
	    "spf=pass smtp.mailfrom=$sender_address_domain\n"
	    "       set acl_m_judged = yes\n"
	    "  warn condition = ${if !def:acl_m_judged}\n"
	    "       add_header = :at_start:Authentication-Results: " MAIL_RIG_HOST
	    "; dmarc=fail header.from=${domain:${address:$h_from:}}; "
	    "spf=none smtp.mailfrom=$sender_address_domain\n"
	    "  accept\n"
	    "begin routers\n"
	    "gone:\n"
	    "  driver = redirect\n"
	    "  condition = ${if match{$local_part}{^gone}}\n"
	    "  allow_fail\n"
	    "  data = :fail: the mailbox was closed\n"
	    "box:\n"
	    "  driver = accept\n"
	    "  local_part_suffix = +*\n"
	    "  local_part_suffix_optional\n"
	    "  address_data = ${lookup{$local_part@$domain}lsearch{%1$s/boxes}{$value}fail}\n"
	    "  transport = box\n"
	    "begin transports\n"
	    "box:\n"
	    "  driver = appendfile\n"
	    "  directory = $address_data\n"
	    "  maildir_format\n"
	    "  create_directory\n"
	    "  delivery_date_add = false\n"
	    "  envelope_to_add\n"
	    "  return_path_add\n"
	    "  mode = 0600\n"
	    "  mode_fail_narrower = false\n"
	    "  user = %4$u\n"
	    "  group = %5$u\n"
	    "begin retry\n"
	    "* * F,1m,2s\n",
	    m->dir, m->smtp_port, m->relay_port, (unsigned)server_uid(), (unsigned)server_gid());
}

static bool dovecot_up(struct mail_rig *m)
{
	char conf[400];
	path_of(m, "dovecot.conf", conf);
	const char *const argv[] = { "/usr/sbin/dovecot", "-F", "-c", conf, NULL };
	m->dovecot = run(m, "dovecot.log", NULL, argv);
	return await_port(m->dovecot, m->imaps_port) && await_port(m->dovecot, m->submission_port);
}

static bool exim_up(struct mail_rig *m)
{
	char conf[400], program[400], env[ENV_MAX][450];
	const char *names[ENV_MAX] = { "LD_LIBRARY_PATH=%s/exim/lib", "LD_PRELOAD=%s/exim/lib/libnss_wrapper.so",
		"NSS_WRAPPER_PASSWD=%s/nss.passwd", "NSS_WRAPPER_GROUP=%s/nss.group" };
	const char *list[ENV_MAX] = { NULL };
	for (int i = 0; i < 4; i++) {
		const char *at = strstr(names[i], "%s");
		snprintf(env[i], sizeof env[i], "%.*s%s%s", (int)(at - names[i]), names[i], m->dir, at + 2);
		list[i] = env[i];
	}
	list[4] = "PATH=/usr/bin:/bin";
	path_of(m, "exim.conf", conf);
	path_of(m, "exim/exim4", program);
	const char *const argv[] = { program, "-C", conf, "-bdf", "-q2s", NULL };
	m->exim = run(m, "exim.log", list, argv);
	return await_port(m->exim, m->smtp_port) && await_port(m->exim, m->relay_port);
}

static bool copy_exim(struct mail_rig *m)
{
	char to[400];
	path_of(m, "exim", to);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/cp", "cp", "-R", "build/mail", to, (char *)NULL);
		_exit(127);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		give_up("cp", "build/mail");
	pid = fork();
	if (pid == 0) {
		execl("/bin/chmod", "chmod", "-R", "a+rX", to, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void choose_ports(struct mail_rig *m)
{
	int *ports[] = { &m->imaps_port, &m->imap_port, &m->submissions_port, &m->submission_port, &m->smtp_port, &m->relay_port };
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		*ports[i] = port_free();
	dovecot_conf(m);
	exim_conf(m);
}

bool mail_rig_start(struct mail_rig *m, char *why, size_t why_n)
{
	char path[400];
	const char *tmp = getenv("TMPDIR");
	memset(m, 0, sizeof *m);
	if (access("/usr/sbin/dovecot", X_OK) != 0 || access("/usr/lib/dovecot/submission", X_OK) != 0 ||
	    access("/usr/lib/dovecot/imap", X_OK) != 0 || access("build/mail/exim4", X_OK) != 0) {
		snprintf(why, why_n, "no mail servers here: scripts/setup test (Dovecot, and Exim in build/mail)");
		return false;
	}
	snprintf(m->dir, sizeof m->dir, "%s/eddy-mail.XXXXXX", tmp != NULL && strlen(tmp) < 120 ? tmp : "/tmp");
	if (mkdtemp(m->dir) == NULL)
		give_up("mkdtemp", m->dir);
	make_dir(m->dir);
	static const char *const dirs[] = { "run", "state", "mail", "spool", "users", "keys", "keys/default",
		"keys/default/HS256" };
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		path_of(m, dirs[i], path);
		make_dir(path);
	}
	tls_make(&(struct tls_cert){ .dir = m->dir, .name = "ca" });
	tls_make(&(struct tls_cert){
	    .dir = m->dir, .name = "server", .issuer = "ca", .san = "DNS:localhost,DNS:mail.test.example,IP:127.0.0.1" });
	snprintf(m->ca, sizeof m->ca, "%s/ca.pem", m->dir);
	path_of(m, "server.key", path);
	if (getuid() == 0 && chown(path, server_uid(), server_gid()) != 0)
		give_up("chown", path);
	/* The secret "a key of the tests of Eddy, nothing else" in base64. */
	write_conf(m, "keys/default/HS256/default", "%s", "YSBrZXkgb2YgdGhlIHRlc3RzIG9mIEVkZHksIG5vdGhpbmcgZWxzZQ==");
	write_conf(m, "boxes", "%s", "");
	write_conf(m, "refuse", "%s", "");
	copy_exim(m);
	for (int i = 0; i < 5; i++) {
		choose_ports(m);
		if (exim_up(m) && dovecot_up(m))
			return true;
		end(&m->exim);
		end(&m->dovecot);
	}
	show_log(m, "exim.log");
	show_log(m, "exim-mainlog");
	show_log(m, "exim-paniclog");
	show_log(m, "dovecot.log");
	give_up("the servers do not come up", m->dir);
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char child[600];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof child, "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			remove_all(child);
		else
			unlink(child);
	}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

void mail_rig_stop(struct mail_rig *m)
{
	end(&m->dovecot);
	end(&m->exim);
	if (getenv("EDDY_TEST_KEEP") == NULL && *m->dir != '\0')
		remove_all(m->dir);
	memset(m, 0, sizeof *m);
}

void mail_rig_dovecot_stop(struct mail_rig *m)
{
	end(&m->dovecot);
}

void mail_rig_dovecot_start(struct mail_rig *m)
{
	if (!dovecot_up(m)) {
		show_log(m, "dovecot.log");
		give_up("does not come up again", "dovecot");
	}
}

void mail_rig_exim_stop(struct mail_rig *m)
{
	end(&m->exim);
}

void mail_rig_exim_start(struct mail_rig *m)
{
	if (!exim_up(m)) {
		show_log(m, "exim.log");
		give_up("does not come up again", "exim");
	}
}

void mail_rig_kick(struct mail_rig *m, const char *addr)
{
	char conf[400];
	path_of(m, "dovecot.conf", conf);
	const char *const argv[] = { "/usr/bin/doveadm", "-c", conf, "kick", addr, NULL };
	pid_t pid = run(m, "doveadm.log", NULL, argv);
	waitpid(pid, NULL, 0);
}

void mail_rig_refuse(struct mail_rig *m, const char *what, const char *reply)
{
	char line[500];
	if (what == NULL) {
		write_conf(m, "refuse", "%s", "");
		return;
	}
	snprintf(line, sizeof line, "\"%s\": %s", what, reply);
	append_line(m, "refuse", line);
}

/* ---- people ---- */

void mail_rig_add_user(struct mail_rig *m, const char *addr, const char *password)
{
	char line[600], path[400];
	snprintf(path, sizeof path, "%s/mail/%s", m->dir, addr);
	make_dir(path);
	static const char *const parts[] = { "cur", "new", "tmp" };
	for (size_t i = 0; i < 3; i++) {
		char part[420];
		snprintf(part, sizeof part, "%s/%s", path, parts[i]);
		make_dir(part);
	}
	snprintf(line, sizeof line, "%s: %s", addr, path);
	append_line(m, "boxes", line);
	/* A file each: Dovecot looks at most once a second whether one has changed. */
	snprintf(line, sizeof line, "users/%s", addr);
	write_conf(m, line, "%s:{PLAIN}%s::::::\n", addr, password);
}

static void base64url(const unsigned char *p, size_t n, char *out)
{
	int len = EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	while (len > 0 && out[len - 1] == '=')
		len--;
	out[len] = '\0';
	for (char *c = out; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

const char *mail_rig_token(struct mail_rig *m, const char *addr, int seconds)
{
	static char token[1200];
	static const char secret[] = "a key of the tests of Eddy, nothing else";
	char text[500], head[100], body[700], sig[100], signed_text[900];
	unsigned char mac[32];
	unsigned mac_n = sizeof mac;
	(void)m;
	base64url((const unsigned char *)"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", 27, head);
	snprintf(
	    text, sizeof text, "{\"sub\":\"%s\",\"iat\":%ld,\"exp\":%ld}", addr, (long)time(NULL) - 60, (long)time(NULL) + seconds);
	base64url((const unsigned char *)text, strlen(text), body);
	snprintf(signed_text, sizeof signed_text, "%s.%s", head, body);
	HMAC(EVP_sha256(), secret, sizeof secret - 1, (const unsigned char *)signed_text, strlen(signed_text), mac, &mac_n);
	base64url(mac, mac_n, sig);
	snprintf(token, sizeof token, "%s.%s", signed_text, sig);
	return token;
}

/* ---- mailboxes ---- */

const char *mail_rig_maildir(struct mail_rig *m, const char *addr, const char *folder)
{
	static char path[500];
	bool inbox = folder == NULL || strcmp(folder, "INBOX") == 0;
	snprintf(path, sizeof path, "%s/mail/%s%s%s", m->dir, addr, inbox ? "" : "/.", inbox ? "" : folder);
	return path;
}

void mail_rig_drop(struct mail_rig *m, const char *addr, const char *raw, size_t n)
{
	static unsigned count;
	char tmp[600], to[600];
	const char *dir = mail_rig_maildir(m, addr, NULL);
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(tmp, sizeof tmp, "%s/tmp/%ld.R%u", dir, (long)ts.tv_sec, count);
	snprintf(to, sizeof to, "%s/new/%ld.M%06ldR%u.test", dir, (long)ts.tv_sec, ts.tv_nsec / 1000, count++);
	FILE *f = fopen(tmp, "w");
	if (f == NULL || fwrite(raw, 1, n, f) != n || (getuid() == 0 && fchown(fileno(f), server_uid(), server_gid()) != 0) ||
	    fclose(f) != 0 || rename(tmp, to) != 0)
		give_up("drop", to);
}

struct found {
	char path[800];
	struct timespec at;
};

static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec < y->at.tv_sec ? -1 : 1;
	return x->at.tv_nsec < y->at.tv_nsec ? -1 : x->at.tv_nsec > y->at.tv_nsec;
}

static size_t find_mails(struct mail_rig *m, const char *addr, const char *folder, struct found **out)
{
	size_t len = 0, room = 0;
	struct found *list = NULL;
	for (int part = 0; part < 2; part++) {
		char dir[520];
		snprintf(dir, sizeof dir, "%s/%s", mail_rig_maildir(m, addr, folder), part == 0 ? "new" : "cur");
		DIR *d = opendir(dir);
		for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
			struct stat st;
			if (*e->d_name == '.')
				continue;
			if (len == room && (list = realloc(list, (room = room * 2 + 16) * sizeof *list)) == NULL)
				abort();
			snprintf(list[len].path, sizeof list[len].path, "%s/%s", dir, e->d_name);
			if (stat(list[len].path, &st) == 0) /* else it was moved or deleted just now */
				list[len++].at = st.st_mtim;
		}
		if (d != NULL)
			closedir(d);
	}
	if (len > 0)
		qsort(list, len, sizeof *list, by_time);
	*out = list;
	return len;
}

size_t mail_rig_count(struct mail_rig *m, const char *addr, const char *folder)
{
	struct found *list;
	size_t len = find_mails(m, addr, folder, &list);
	free(list);
	return len;
}

char *mail_rig_mail(struct mail_rig *m, const char *addr, const char *folder, size_t i)
{
	char *text = NULL;
	for (int tries = 0; tries < 50 && text == NULL; tries++) { /* it may be renamed in between */
		struct found *list;
		size_t len = find_mails(m, addr, folder, &list), n;
		if (i >= len) {
			free(list);
			return NULL;
		}
		text = read_file(list[i].path, &n);
		free(list);
	}
	return text;
}

char *mail_rig_wait(struct mail_rig *m, const char *addr, const char *folder, size_t n, int ms)
{
	for (int left = ms; left > 0; left -= 10) {
		if (mail_rig_count(m, addr, folder) >= n)
			return mail_rig_mail(m, addr, folder, n - 1);
		nap(10);
	}
	return NULL;
}

/* ---- a person's mail program ---- */

/* The code of a reply of one or more lines; 0: the line is gone. */
static int reply(FILE *f)
{
	char line[2000];
	while (fgets(line, sizeof line, f) != NULL)
		if (strlen(line) > 3 && line[3] != '-')
			return atoi(line);
	return 0;
}

static int say(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int say(FILE *f, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fputs("\r\n", f);
	return fflush(f) == 0 ? reply(f) : 0;
}

static int send_on(FILE *f, const char *user, const char *password, const char *from, const char *to, const char *raw)
{
	int code = reply(f);
	if (code != 220)
		return code;
	if ((code = say(f, "EHLO client.test.example")) != 250)
		return code;
	if (password != NULL) {
		unsigned char secret[300], coded[420];
		int n = snprintf((char *)secret, sizeof secret, "%c%s%c%s", 0, user, 0, password);
		EVP_EncodeBlock(coded, secret, n);
		if ((code = say(f, "AUTH PLAIN %s", (const char *)coded)) != 235)
			return code;
	}
	if ((code = say(f, "MAIL FROM:<%s>", from)) != 250)
		return code;
	if ((code = say(f, "RCPT TO:<%s>", to)) != 250)
		return code;
	if ((code = say(f, "DATA")) != 354)
		return code;
	for (const char *p = raw; *p != '\0';) {
		size_t n = strcspn(p, "\r\n");
		if (*p == '.')
			fputc('.', f);
		fwrite(p, 1, n, f);
		fputs("\r\n", f);
		p += n;
		p += *p == '\r' && p[1] == '\n' ? 2 : *p != '\0';
	}
	code = say(f, ".");
	say(f, "QUIT");
	return code;
}

int mail_rig_send(struct mail_rig *m, const char *user, const char *password, const char *from, const char *to, const char *raw)
{
	int fd = connect_to(password != NULL ? m->submission_port : m->smtp_port);
	if (fd < 0)
		return 0;
	struct timeval tv = { .tv_sec = 90 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	FILE *f = fdopen(fd, "r+");
	if (f == NULL)
		abort();
	int code = send_on(f, user, password, from, to, raw);
	fclose(f);
	return code;
}
