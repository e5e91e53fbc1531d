/*
 * The command line.  One table of commands and one of options; parsing, help, manual and completion are loops over them, so none of them
 * can forget a command that the others know.
 */
#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"

static const struct option_row {
	char letter; /* also the key in command.options; capital: has no short form */
	const char *name, *arg, *help;
	bool global;
} options[] = {
	{ 'c', "config", "FILE", "read settings from FILE (default: ./eddy.yaml, then /etc/eddy/eddy.yaml)", true },
	{ 's', "set", "NAME=VALUE", "set one setting; may be given several times", true },
	{ 'v', "verbose", NULL, "log more", true },
	{ 'h', "help", NULL, "show help and end", true },
	{ 'V', "version", NULL, "print the version and end", true },
	{ 'I', "insecure", NULL, "listen beyond loopback without a log-in", false },
	{ 'L', "link", NULL, "print a link that logs in to the page, also when the output is no terminal", false },
	{ 'U', "url", "URL", "server to talk to (default: the one of this machine's settings)", false },
	{ 'T', "thread", "ID", "this conversation: go on in it, or look at it alone", false },
	{ 'O', "own", "ADDRESS", "one of our own addresses; may be given several times", false },
	{ 'A', "authserv", "HOST", "trust Authentication-Results of this host; may be given several times", false },
	{ 'R', "replace", NULL, "replace what is in the database now", false },
	{ 'N', "unit", NULL, "a unit, which holds teams, instead of a team", false },
	{ 'D', "days", "N", "how long the key lives (default: 90)", false },
	{ 'P', "receipt", "ID", "show the receipt of an erasure", false },
	{ 'M', "mine", NULL, "the key is yours and not the team's: it never does more than you may", false },
	{ 'X', "erase", NULL, "erase what was said in it, and its settings, instead of keeping them", false },
	{ 'K', "lock", "KEYS", "nothing below changes these; keys between commas", false },
	{ 'Y', "unlock", "KEYS", "what is below may change these again", false },
	{ 'S', "slug", "NAME", "its short name (default: made from the name)", false },
	{ 'F', "since", "MOMENT", "only what happened since then: 2026-01-31, 2026-01-31T18:05, yesterday (UTC)", false },
	{ 'E', "until", "MOMENT", "only what happened before then", false },
	{ 'W', "person", "PERSON", "only what this person has asked: ADAPTER:ID, or an id", false },
	{ 'Q', "run", "ID", "only this run", false },
	{ 'G', "limit", "N", "look at the newest N runs at most", false },
	{ 'J', "json", NULL, "print JSON", false },
	{ 'Z', "dry-run", NULL, "only show what would go", false },
	{ 'B', "yes", "NAME", "do not ask: NAME is what is to be erased, once more", false },
};
#define OPTIONS_LEN (sizeof options / sizeof *options)

const struct command commands[] = {
	{ "serve", "", "IL", "start Eddy and stay in the foreground",
	    "Starts the private database when none is configured, migrates it, opens the web server and connects everything that has "
	    "settings. SIGTERM or Ctrl-C finishes what is being answered, for at most 25 seconds, and ends.",
	    { "eddy serve\tweb and terminal on 127.0.0.1:8080, and Slack when its tokens are set",
	        "eddy serve -s web.listen=127.0.0.1:9000\tanother port",
	        "SLACK_APP_TOKEN=xapp-... SLACK_BOT_TOKEN=xoxb-... eddy serve\twith Slack" },
	    0, 0, false, cmd_serve },
	{ "chat", "[QUESTION...]", "UT", "talk to Eddy in the terminal",
	    "With a question: prints the answer and ends. Without: a conversation, line by line; in a pipe every line is a question. "
	    "A \\ at the end of a line goes on in the next one. Ctrl-C stops an answer, twice leaves. A broken connection is made again "
	    "and nothing is lost. "
	    "Ends with 0 when everything was answered, 1 when an answer failed, 4 when no server could be reached.",
	    { "eddy chat\ta conversation", "eddy chat \"what did we decide about the logo?\"\tone question",
	        "echo 'help' | eddy chat\tin a pipe" },
	    0, -1, false, cmd_chat },
	{ "login", "[PERSON [NAME]]", "", "print a link that opens the page logged in",
	    "The link works once and within ten minutes; the browser then stays logged in until it is logged out or was away for thirty "
	    "days. Without an operand the page belongs to you, as `eddy chat` does; with one, to a colleague who has conversations of "
	    "their own. Needs the server running on this machine.",
	    { "eddy login	a link for yourself", "eddy login ana 'Ana Ruiz'	one for a colleague" }, 0, 2, false,
	    cmd_login },
	{ "doctor", "", "", "check settings, database, folders, port, Slack and the model",
	    "One line per finding, each with how to mend it. Ends with 1 when something is wrong.",
	    { "eddy doctor\teverything", "eddy doctor -c /etc/eddy/eddy.yaml\twith the settings of the service" }, 0, 0, false,
	    cmd_doctor },
	{ "healthcheck", "", "", "ask the running server whether it is well",
	    "Ends with 0 when /healthz answers within three seconds.",
	    { "eddy healthcheck && echo fine\tin scripts and containers" }, 0, 0, false, cmd_healthcheck },
	{ "migrate up", "", "", "bring the database to this program's schema", NULL, { "eddy migrate up\tas `serve` does it too" },
	    0, 0, false, cmd_migrate_up },
	{ "migrate down", "[N]", "", "take back the last step, or the last N",
	    "Eddy must not be running. What a step has added is deleted with its content.",
	    { "eddy migrate down 1\tthe last step" }, 0, 1, false, cmd_migrate_down },
	{ "migrate status", "", "", "show the steps and which are applied", NULL, { "eddy migrate status\t" }, 0, 0, false,
	    cmd_migrate_status },
	{ "backup", "FILE", "", "write the whole private database to FILE", "FILE must not exist. Eddy may be running.",
	    { "eddy backup eddy-monday.dump\t" }, 1, 1, false, cmd_backup },
	{ "restore", "FILE", "R", "bring back what `backup` wrote",
	    "Eddy must not be running. A database that holds something is only replaced with --replace.",
	    { "eddy restore --replace eddy-monday.dump\t" }, 1, 1, false, cmd_restore },
	{ "config check", "", "", "say what is wrong with the settings", NULL, { "eddy config check -c eddy.yaml\t" }, 0, 0, false,
	    cmd_config_check },
	{ "config print", "", "", "show the settings in force, without secrets", NULL, { "eddy config print\t" }, 0, 0, false,
	    cmd_config_print },
	{ "config sample", "", "", "print a commented settings file", NULL, { "eddy config sample > eddy.yaml\tto begin with" }, 0,
	    0, false, cmd_config_sample },
	{ "config reference", "", "", "print the table of settings as Markdown", NULL, { 0 }, 0, 0, true, cmd_config_reference },
	{ "config get", "NAME", "", "print one setting that is no secret", NULL, { 0 }, 1, 1, true, cmd_config_get },
	{ "export", "PERSON", "", "print what is stored about a person, as JSON",
	    "PERSON is ADAPTER:ID, as the adapter names people, or the person's id. Eddy may be running or not.",
	    { "eddy export slack:U024BE7LH\t", "eddy export email:ana@example.org\t" }, 1, 1, false, cmd_export },
	{ "erase", "[PERSON]", "P", "erase a person for good, or show receipts of what was erased",
	    "PERSON is ADAPTER:ID, as the adapter names people, or the person's id; linked accounts go as well. At a terminal it asks first. Without "
	    "PERSON: the receipts, newest first. Eddy may be running or not; it is worked off while it runs.",
	    { "eddy erase slack:U024BE7LH\t", "eddy erase --receipt 01a1fec9-38b8-7000-9bc5-10164d908cfd\t",
	        "eddy erase\twhat was erased" },
	    0, 1, false, cmd_erase },
	{ "erase workspace", "[NAME]", "ZB", "erase all of a workspace for good, or show receipts of it",
	    "NAME is the platform's id of the workspace (T024BE7LD), its name, or the tenant's id. It shows how much there is and asks for the name to be typed. "
	    "Nothing goes while a legal hold stands over anything in it. Other workspaces are served meanwhile; killed, it goes on when the same is said again, or "
	    "while Eddy runs. The workspace that Eddy itself lives in is not erased like this. Without NAME: the receipts.",
	    { "eddy erase workspace T024BE7LD --dry-run\thow much there is", "eddy erase workspace T024BE7LD\t",
	        "eddy erase workspace T024BE7LD --yes T024BE7LD\tin a script" },
	    0, 1, false, cmd_erase_workspace },
	{ "data-kinds", "", "", "print what is stored of people, how it is erased and how long it is kept", NULL,
	    { "eddy data-kinds > data-kinds.md\t" }, 0, 0, false, cmd_data_kinds },
	{ "audit verify", "", "", "find out whether the audit log was tampered with",
	    "Computes the chain of each workspace anew and compares it with the checkpoints in the data folder. One line per workspace, and one "
	    "per finding. Ends with 1 when there is any. Eddy may be running or not.",
	    { "eddy audit verify\t" }, 0, 0, false, cmd_audit_verify },
	{ "audit find", "REF", "", "show what the audit log has on a refusal",
	    "REF stands behind the words that somebody got, in Slack, mail or the page: (forbidden, ref REF). The log of the daemon has it, too, as the end of `run`.",
	    { "eddy audit find 4694f88ab75c\t" }, 1, 1, false, cmd_audit_find },
	{ "audit export", "", "FE", "print the audit log as JSON Lines",
	    "Oldest first, one line per entry with its link in the chain, and after each workspace a manifest. It names people, as far as they "
	    "were not erased.",
	    { "eddy audit export > audit.jsonl\tall of it",
	        "eddy audit export --since 2026-01-01 --until 2026-02-01\tof one month" },
	    0, 0, false, cmd_audit_export },
	{ "replay authority", "", "FWTQGJ", "ask the rule about readers again for what was answered",
	    "Of each past answer it is stored whose words it rests on, and whether the rule let it be said. The same rule is asked again, with who reads where today. "
	    "Prints counts, and each answer of which it says something else now: what was read, and why then and now. Changes nothing; the audit log has a line. Ends with 0 "
	    "when there is no difference, with 5 when there is. Eddy may be running or not.",
	    { "eddy replay authority --since yesterday\t",
	        "eddy replay authority --person slack:U024BE7LH --json\twhat one person was told",
	        "eddy replay authority --run 01a1fec9-38b8-7000-9bc5-10164d908cfd\tone answer" },
	    0, 0, false, cmd_replay_authority },
	{ "secret set", "NAME", "", "store a secret value, read from the standard input",
	    "It is sealed with the master key, which is not in the database. A line end at the end is left out. Letters in NAME are small. "
	    "With the name of a secret setting it is that setting, from the next start on.",
	    { "eddy secret set slack.bot_token < token.txt\t" }, 1, 1, false, cmd_secret_set },
	{ "secret list", "", "", "list the secrets in the database, without their values", NULL, { "eddy secret list\t" }, 0, 0,
	    false, cmd_secret_list },
	{ "secret remove", "NAME", "", "take a secret away that was set", NULL, { "eddy secret remove tracker.token\t" }, 1, 1,
	    false, cmd_secret_remove },
	{ "secret rotate", "", "", "make a new master key and seal everything anew with it",
	    "Eddy may be running: old and new key are valid meanwhile, and the old one stays in master.keys for backups from before. If it is "
	    "interrupted, run it again: it goes on. Where the master key comes from the settings, put the new one in front of the old one there first.",
	    { "eddy secret rotate\t" }, 0, 0, false, cmd_secret_rotate },
	{ "slack manifest", "", "", "print the app manifest for api.slack.com/apps", NULL,
	    { "eddy slack manifest\tpaste it under Create New App, From a manifest" }, 0, 0, false, cmd_slack_manifest },
	{ "workspace list", "", "", "list the Slack workspaces that Eddy is in or was in", NULL, { "eddy workspace list\t" }, 0, 0,
	    false, cmd_workspace_list },
	{ "workspace remove", "ID", "", "take the app away from a workspace or organisation",
	    "Its token is gone at once, also from the running server, and Slack is told. What was written there stays.",
	    { "eddy workspace remove T024BE7LD\t" }, 1, 1, false, cmd_workspace_remove },
	{ "mail show", "FILE|-", "OA", "print what Eddy makes of a raw mail, as one JSON object",
	    "The mail is read from FILE or, with -, from the standard input; at most its first 16 MiB. Nothing is sent and nothing is stored. "
	    "Our own addresses and the trusted host come from the settings of email when there are some, unless they are given.",
	    { "eddy mail show letter.eml\tkind, addresses, text, files, reports",
	        "eddy mail show --authserv mx.example.org -\tand who is it" },
	    1, 1, false, cmd_mail_show },
	{ "mail text", "FILE|-", "", "print only what the sender of a raw mail wrote now",
	    "Without quoted mails, signatures and what mail programs add.", { "eddy mail text letter.eml\t" }, 1, 1, false,
	    cmd_mail_text },
	{ "mail stops", "", "", "list the addresses that Eddy does not write to, and why", NULL, { "eddy mail stops\t" }, 0, 0,
	    false, cmd_mail_stops },
	{ "mail stop", "ADDRESS", "", "never write to ADDRESS", "Also what somebody there writes is passed over.",
	    { "eddy mail stop ana@example.org\t" }, 1, 1, false, cmd_mail_stop },
	{ "mail allow", "ADDRESS", "", "write to ADDRESS again", NULL,
	    { "eddy mail allow ana@example.org\tafter a mailbox was mended" }, 1, 1, false, cmd_mail_allow },
	{ "prompt list", "", "", "list what goes to a model", NULL, { "eddy prompt list\t" }, 0, 0, false, cmd_prompt_list },
	{ "prompt show", "NAME|RUN", "", "print a prompt: a template, or what a run has asked",
	    "With a name of `prompt list`: that prompt with example facts. With the id of a run (it stands in the log): the request of its last "
	    "call of a model, built again from the database, and whether it is still what the model saw. It holds what people wrote.",
	    { "eddy prompt show resolution\tthe template",
	        "eddy prompt show 01a1fec9-38b8-7000-9bc5-10164d908cfd\twhat that run was asked" },
	    1, 1, false, cmd_prompt_show },
	{ "team list", "[TEAM]", "", "show the organisation with its units and teams", NULL,
	    { "eddy team list\teverything", "eddy team list support\ta unit and what is in it" }, 0, 1, false, cmd_team_list },
	{ "team create", "NAME [UNIT]", "NS", "make a team, in the organisation or in UNIT",
	    "`eddy provision apply` makes one with all that belongs to it.",
	    { "eddy team create Payments\t", "eddy team create --unit 'Customer Support'\ta unit, which holds teams",
	        "eddy team create Chat customer-support\ta team in it" },
	    1, 2, false, cmd_team_create },
	{ "team rename", "TEAM NAME", "S", "give a unit or team another name", NULL,
	    { "eddy team rename payments Money --slug money\tand another short name" }, 2, 2, false, cmd_team_rename },
	{ "team move", "TEAM UNIT", "", "put a unit or team into another unit", NULL,
	    { "eddy team move chat org\tdirectly into the organisation" }, 2, 2, false, cmd_team_move },
	{ "team archive", "TEAM [HEIR]", "", "give a unit or team up", "What it owns must go first, or goes to HEIR.",
	    { "eddy team archive payments finance\tits channels go to finance" }, 1, 2, false, cmd_team_archive },
	{ "team places", "[TEAM]", "", "list the channels and other places that teams own", NULL, { "eddy team places payments\t" },
	    0, 1, false, cmd_team_places },
	{ "team assign", "PLACE [TEAM]", "", "give a place to TEAM, or back to the organisation",
	    "PLACE is ADAPTER:KEY, as the adapter names places, or the place's id.",
	    { "eddy team assign slack:C024BE91L payments\t" }, 1, 2, false, cmd_team_assign },
	{ "team invite", "PERSON [ROLE [TEAM]]", "", "give somebody a role and mail them a link that logs them in",
	    "PERSON is a mail address, or somebody whose address is known: ADAPTER:ID, or the person's id. ROLE is viewer, member (unless another is given), "
	    "admin or owner. It takes the running server, mail and web.public_url.",
	    { "eddy team invite ana@example.org\t", "eddy team invite ana@example.org admin payments\tto a team" }, 1, 3, false,
	    cmd_team_invite },
	{ "team settings", "[TEAM]", "", "show the settings that hold for TEAM, and from which layer", NULL,
	    { "eddy team settings payments\t", "eddy team settings\tof the organisation" }, 0, 1, false, cmd_team_settings },
	{ "team set", "TEAM [KEY=VALUE...]", "KY", "change the settings of TEAM",
	    "A value is JSON where it reads as such, else a text. Options come before TEAM. docs/teams.md lists the keys.",
	    { "eddy team set payments forks.max_active=3\t", "eddy team set payments 'agent.prompt=You help Payments.'\t",
	        "eddy team set --lock agent.model org agent.model=small\tfor everybody" },
	    1, -1, false, cmd_team_set },
	{ "team unset", "TEAM KEY...", "", "let what is above TEAM decide again", NULL,
	    { "eddy team unset payments forks.max_active\t" }, 2, -1, false, cmd_team_unset },
	{ "team history", "TEAM", "", "list the versions of the settings of TEAM", NULL, { "eddy team history payments\t" }, 1, 1,
	    false, cmd_team_history },
	{ "team restore", "TEAM VERSION", "", "bring an earlier version of the settings of TEAM back", NULL,
	    { "eddy team restore payments 2\t" }, 2, 2, false, cmd_team_restore },
	{ "change list", "[TEAM]", "", "list the changes of settings that wait for another admin", NULL, { "eddy change list\t" },
	    0, 1, false, cmd_change_list },
	{ "change approve", "ID", "", "let a change take effect; never one's own", NULL,
	    { "eddy change approve 01a1ff74-991a-7000-8d6e-c1c84a32459a\t" }, 1, 1, false, cmd_change_approve },
	{ "change reject", "ID [REASON]", "", "refuse a change; never one's own", NULL,
	    { "eddy change reject 01a1ff74-991a-7000-8d6e-c1c84a32459a 'not before Monday'\t" }, 1, 2, false, cmd_change_reject },
	{ "approval list", "", "", "show what waits for your consent, as it would be sent", NULL, { "eddy approval list\t" }, 0, 0,
	    false, cmd_approval_list },
	{ "approval grant", "ID", "", "let it be sent, as the list shows it", NULL,
	    { "eddy approval grant 01a1ff74-991a-7000-8d6e-c1c84a32459a\t" }, 1, 1, false, cmd_approval_grant },
	{ "approval refuse", "ID", "", "say that it is not to be sent", NULL,
	    { "eddy approval refuse 01a1ff74-991a-7000-8d6e-c1c84a32459a\t" }, 1, 1, false, cmd_approval_refuse },
	{ "route list", "[TEAM]", "", "list what TEAM and those below it have claimed", NULL, { "eddy route list\t" }, 0, 1, false,
	    cmd_route_list },
	{ "route put", "TEAM KIND=VALUE...", "", "let what comes from there go to TEAM",
	    "Kinds: slack_channel, mail_address, pagerduty_service, incidentio_team, incidentio_source, github_repo, service.",
	    { "eddy route put payments slack_channel=C024BE91L github_repo=acme/payments\t" }, 2, -1, false, cmd_route_put },
	{ "route remove", "KIND=VALUE", "", "give up what a team has claimed", NULL,
	    { "eddy route remove github_repo=acme/payments\t" }, 1, 1, false, cmd_route_remove },
	{ "route test", "KIND=VALUE...", "", "say which team gets what names all of these, and why", NULL,
	    { "eddy route test 'pagerduty_service=Payments API' github_repo=acme/payments\t" }, 1, -1, false, cmd_route_test },
	{ "provision plan", "FILE", "", "say what it would take to make a team as FILE describes it",
	    "FILE is YAML or JSON, - the standard input.", { "eddy provision plan payments.yaml\t" }, 1, 1, false,
	    cmd_provision_plan },
	{ "provision apply", "FILE", "", "make a team as FILE describes it",
	    "The team, its agent, settings, admins, routes and key, as far as they are not there; docs/provisioning.md has an example. If a step fails, "
	    "those before it are taken back; if Eddy or this program ends in between, the same again goes on. A new key is printed once.",
	    { "eddy provision apply payments.yaml\t" }, 1, 1, false, cmd_provision_apply },
	{ "provision status", "[TEAM]", "", "list the teams that were or are being set up or given up", NULL,
	    { "eddy provision status\t" }, 0, 1, false, cmd_provision_status },
	{ "provision remove", "TEAM", "X", "give a team up with all that belongs to it",
	    "Its keys are revoked, its routes and channels free, agents made for it switched off, its threads archived. Options come before TEAM.",
	    { "eddy provision remove payments\t", "eddy provision remove --erase payments\tand what was said there is erased" }, 1,
	    1, false, cmd_provision_remove },
	{ "hold add", "WHAT [WHICH] REASON", "", "place a legal hold: nothing of it is erased for good until it ends",
	    "WHAT is person, thread or place, each with WHICH, or workspace.",
	    { "eddy hold add person slack:U024BE7LH 'Case 17'\t", "eddy hold add workspace 'Case 17'\t" }, 2, 3, false,
	    cmd_hold_add },
	{ "hold list", "[all]", "", "list the legal holds that stand, or all there were", NULL, { "eddy hold list\t" }, 0, 1, false,
	    cmd_hold_list },
	{ "hold end", "ID", "", "end a legal hold; what waited for it is erased", NULL,
	    { "eddy hold end 01a1fec9-38b8-7000-9bc5-10164d908cfd\t" }, 1, 1, false, cmd_hold_end },
	{ "retention", "[TEAM]", "", "show what is kept how long, and what the next sweep would take", NULL,
	    { "eddy retention\t", "eddy retention payments\tin the places of a team" }, 0, 1, false, cmd_retention },
	{ "limits", "[TEAM]", "", "show how much may be asked in a minute, and who waits", NULL,
	    { "eddy limits\t", "eddy limits payments\tin the places of a team" }, 0, 1, false, cmd_limits },
	{ "place list", "", "", "list the places that people of another organisation read, and whether Eddy answers there", NULL,
	    { "eddy place list\t" }, 0, 0, false, cmd_place_list },
	{ "place allow", "PLACE", "", "let Eddy answer in such a place",
	    "PLACE is ADAPTER:KEY, as the adapter names places, or the place's id.", { "eddy place allow slack:C024BE91L\t" }, 1, 1,
	    false, cmd_place_allow },
	{ "place deny", "PLACE", "", "take that back; it holds from the next message on", NULL,
	    { "eddy place deny slack:C024BE91L\t" }, 1, 1, false, cmd_place_deny },
	{ "member list", "[TEAM]", "", "list who was given a role, there or above", NULL, { "eddy member list payments\t" }, 0, 1,
	    false, cmd_member_list },
	{ "member put", "PERSON ROLE [TEAM]", "", "give somebody a role at TEAM and all below it",
	    "PERSON is ADAPTER:ID, as the adapter names people, or the person's id. Roles: viewer, member, admin, owner; none takes away what "
	    "the platform implies.",
	    { "eddy member put slack:U024BE7LH admin payments\t", "eddy member put slack:U024BE7LH owner\tof the organisation" }, 2,
	    3, false, cmd_member_put },
	{ "member remove", "PERSON [TEAM]", "", "take back a role that was given there", NULL,
	    { "eddy member remove slack:U024BE7LH payments\t" }, 1, 2, false, cmd_member_remove },
	{ "password link", "PERSON", "", "print a link by which somebody can set a password, once",
	    "PERSON is a mail address, the name of `eddy login`, ADAPTER:ID or the person's id. The link is good for a day, and one that was made before is "
	    "void. Needs login.password.",
	    { "eddy password link ana@example.org\t" }, 1, 1, false, cmd_password_link },
	{ "password set", "", "", "set your own, or change it; your sessions on the page end",
	    "You are who `eddy login` logs in: the name to type is local. It is read from the standard input, one line; at a terminal nobody sees it. "
	    "Needs login.password.",
	    { "eddy password set\t", "eddy password set < file\tfrom a file" }, 0, 0, false, cmd_password_set },
	{ "password remove", "PERSON", "", "take a password away, and log the person out everywhere", NULL,
	    { "eddy password remove ana@example.org\t" }, 1, 1, false, cmd_password_remove },
	{ "session list", "", "", "list where you are logged in on the page", NULL, { "eddy session list\t" }, 0, 0, false,
	    cmd_session_list },
	{ "session end", "[ID]", "", "end one of your sessions on the page, or all", "At once, also where the page is open.",
	    { "eddy session end\tall", "eddy session end 01a1fec9-38b8-7000-9bc5-10164d908cfd\tone" }, 0, 1, false,
	    cmd_session_end },
	{ "session end-of", "PERSON", "", "end all sessions of a member", NULL, { "eddy session end-of ana@example.org\t" }, 1, 1,
	    false, cmd_session_end_of },
	{ "key issue", "NAME ROLE SCOPES [TEAM]", "DM", "make an API key for TEAM, or for the organisation",
	    "ROLE is viewer, member, admin or owner; SCOPES are some of config:read, config:write, keys, run, audit:read, talk:read and talk:write, "
	    "with commas between them. The key is printed once and kept nowhere.",
	    { "eddy key issue 'deploy bot' member run,talk:read payments\tfor a team",
	        "eddy key issue reports viewer audit:read --days 30\tfor the organisation, for a month" },
	    3, 4, false, cmd_key_issue },
	{ "key list", "[TEAM]", "", "list the API keys of TEAM and of what is below it", NULL, { "eddy key list\tall" }, 0, 1,
	    false, cmd_key_list },
	{ "key revoke", "ID [TEAM]", "", "take back an API key and all that it has made",
	    "It is void at the next call. ID stands in `eddy key list`.",
	    { "eddy key revoke 01a1fec9-38b8-7000-9bc5-10164d908cfd\t" }, 1, 2, false, cmd_key_revoke },
	{ "call", "[NAME [KEY=VALUE...|-] [--idempotency-key KEY]]", "", "call a procedure of the API",
	    "Without NAME: lists the procedures; with --help behind NAME: its arguments, its result and an example. Arguments are KEY=VALUE or, with -, one JSON "
	    "object on the standard input. The result is printed as JSON. It speaks to the database as the owner of this terminal, so Eddy may "
	    "be running or not. A call that writes is done once for its --idempotency-key (within a day), however often it is made.",
	    { "eddy call\tall procedures", "eddy call session.get\twho you are",
	        "eddy call key.list team=payments\twith an argument",
	        "echo '{\"name\":\"Payments\"}' | eddy call org.create -\tfrom a pipe",
	        "eddy call org.create name=Payments --idempotency-key set-up-1\tonce, however often" },
	    0, -1, false, cmd_call },
	{ "api openapi", "", "", "print the description of the API (OpenAPI 3.1)", NULL, { "eddy api openapi > openapi.json\t" }, 0,
	    0, false, cmd_api_openapi },
	{ "budget list", "[TEAM]", "", "show what may be spent on the language model, and what is spent of it", NULL,
	    { "eddy budget list\teverything", "eddy budget list payments\ta team and what is below it" }, 0, 1, false,
	    cmd_budget_list },
	{ "budget set", "WHOSE day|month AMOUNT...", "", "say what may be spent on the language model",
	    "WHOSE is workspace, team:TEAM, a person as ADAPTER:ID, each-team or each-person: all that have none of their own. AMOUNT is in USD "
	    "(12.50), in tokens (200000t), or none. Eddy may be running; it holds within two seconds.",
	    { "eddy budget set workspace month 100\t",
	        "eddy budget set team:payments month 20 5000000t\twhichever is reached first",
	        "eddy budget set each-person day 1\t",
	        "eddy budget set slack:U024BE7LH day none\tno budget of their own any more" },
	    3, 4, false, cmd_budget_set },
	{ "usage", "[day|team|person|WHOSE] [DAYS]", "", "show what the language model has cost",
	    "WHOSE as for `budget set`. DAYS: how many, today included (default: 31).",
	    { "eddy usage\tby day", "eddy usage team 7\tby team, of a week", "eddy usage team:payments\tone team, by day" }, 0, 2,
	    false, cmd_usage },
	{ "version", "", "", "print the version", NULL, { "eddy version\t" }, 0, 0, false, cmd_version },
	{ "help", "[COMMAND]", "", "show help for all or one command", NULL, { "eddy help chat\t" }, 0, 2, false, cmd_help },
	{ "help-man", "", "", "print the manual page", NULL, { 0 }, 0, 0, true, cmd_help_man },
	{ "help-completion", "", "", "print the completion for bash", NULL, { 0 }, 0, 0, true, cmd_help_completion },
	{ 0 },
};

/* ---- help ---- */

static void put_option(struct buf *out, const struct option_row *o)
{
	char left[40];
	if (o->letter >= 'a')
		snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	else
		snprintf(left, sizeof left, "    --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	buf_addf(out, "  %-24s  %s\n", left, o->help);
}

static void put_wrapped(struct buf *out, const char *text)
{
	size_t col = 0;
	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		if (col > 0 && col + 1 + n > 88) {
			buf_add_char(out, '\n');
			col = 0;
		} else if (col > 0) {
			buf_add_char(out, ' ');
			col++;
		}
		buf_add(out, text, n);
		col += n;
		text += n + strspn(text + n, " ");
	}
	buf_add_char(out, '\n');
}

static void put_examples(struct buf *out, const struct command *c)
{
	for (size_t i = 0; i < sizeof c->examples / sizeof *c->examples && c->examples[i] != NULL; i++) {
		const char *line = c->examples[i];
		size_t n = strcspn(line, "\t");
		buf_addf(out, "  %.*s\n", (int)n, line);
		if (line[n] != '\0' && line[n + 1] != '\0')
			buf_addf(out, "      %s\n", line + n + 1);
	}
}

bool command_help(const char *name, struct buf *out)
{
	bool found = false;
	if (name == NULL) {
		buf_add_str(out,
		    "Eddy, an AI teammate for Slack, e-mail, the web and the terminal.\n\nUsage: eddy [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n");
		for (const struct command *c = commands; c->name != NULL; c++)
			if (!c->hidden) {
				char left[40];
				snprintf(left, sizeof left, "%s %s", c->name, c->args);
				buf_addf(out, "  %-22s  %s\n", left, c->summary);
			}
		buf_add_str(out, "\nOptions:\n");
		for (size_t i = 0; i < OPTIONS_LEN; i++)
			if (options[i].global)
				put_option(out, &options[i]);
		buf_add_str(out,
		    "\nExamples:\n"
		    "  eddy serve                      start it\n"
		    "  eddy chat                       talk to it\n"
		    "  eddy chat \"what can you do?\"    ask one thing\n"
		    "  eddy doctor                     find out what is wrong\n"
		    "\n`eddy help COMMAND` tells more. Settings: eddy.yaml, the environment (EDDY_WEB_LISTEN is\n"
		    "web.listen), or -s; `eddy config sample` lists them all.\n");
		return true;
	}
	for (const struct command *c = commands; c->name != NULL; c++) {
		size_t n = strlen(name);
		bool same = strcmp(c->name, name) == 0;
		if (!same && (c->hidden || strncmp(c->name, name, n) != 0 || c->name[n] != ' '))
			continue;
		buf_addf(out, "%sUsage: eddy %s%s%s\n\n", found ? "\n" : "", c->name, c->args[0] ? " " : "", c->args);
		found = true;
		buf_addf(out, "%c%s.\n", c->summary[0] - 'a' + 'A', c->summary + 1);
		if (c->details != NULL)
			put_wrapped(out, c->details);
		if (c->options[0] != '\0') {
			buf_add_str(out, "\nOptions:\n");
			for (size_t i = 0; i < OPTIONS_LEN; i++)
				if (strchr(c->options, options[i].letter) != NULL)
					put_option(out, &options[i]);
		}
		if (c->examples[0] != NULL) {
			buf_add_str(out, "\nExamples:\n");
			put_examples(out, c);
		}
	}
	return found;
}

/* ---- the manual page, in man(7) ---- */

static void put_roff(struct buf *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_add_str(out, "\\&");
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			buf_add_str(out, "\\e");
		else if (*s == '-')
			buf_add_str(out, "\\-");
		else
			buf_add_char(out, *s);
	}
}

static void put_roff_option(struct buf *out, const struct option_row *o)
{
	buf_add_str(out, ".TP\n.B ");
	char flag[40];
	if (o->letter >= 'a')
		snprintf(flag, sizeof flag, "-%c, --%s", o->letter, o->name);
	else
		snprintf(flag, sizeof flag, "--%s", o->name);
	put_roff(out, flag);
	if (o->arg != NULL)
		buf_addf(out, " \\fI%s\\fR", o->arg);
	buf_add_char(out, '\n');
	put_roff(out, o->help);
	buf_add_char(out, '\n');
}

void command_man(struct buf *out)
{
	buf_add_str(out,
	    ".TH EDDY 1\n.SH NAME\neddy \\- an AI teammate for Slack, e-mail, the web and the terminal\n.SH SYNOPSIS\n.B eddy\n"
	    "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n"
	    "Eddy answers where people already talk. It needs nothing but Postgres, and starts a private one by itself.\n"
	    ".SH OPTIONS\n");
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		if (options[i].global)
			put_roff_option(out, &options[i]);
	buf_add_str(out, ".SH COMMANDS\n");
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (c->hidden)
			continue;
		buf_add_str(out, ".SS eddy ");
		put_roff(out, c->name);
		if (c->args[0] != '\0') {
			buf_add_char(out, ' ');
			put_roff(out, c->args);
		}
		buf_addf(out, "\n%c", c->summary[0] - 'a' + 'A');
		put_roff(out, c->summary + 1);
		buf_add_str(out, ".\n");
		if (c->details != NULL) {
			put_roff(out, c->details);
			buf_add_char(out, '\n');
		}
		for (size_t i = 0; i < OPTIONS_LEN; i++)
			if (c->options[0] != '\0' && strchr(c->options, options[i].letter) != NULL)
				put_roff_option(out, &options[i]);
		for (size_t i = 0; i < sizeof c->examples / sizeof *c->examples && c->examples[i] != NULL; i++) {
			size_t n = strcspn(c->examples[i], "\t");
			char *example = xstrndup(c->examples[i], n);
			buf_add_str(out, ".PP\n.RS 4\n.B ");
			put_roff(out, example);
			free(example);
			if (c->examples[i][n] != '\0' && c->examples[i][n + 1] != '\0') {
				buf_add_str(out, "\n.br\n");
				put_roff(out, c->examples[i] + n + 1);
			}
			buf_add_str(out, "\n.RE\n");
		}
	}
	buf_add_str(out,
	    ".SH EXIT STATUS\n"
	    "0 done; 1 failed; 2 wrong use; 3 wrong settings; 4 no server could be reached; 5 there is a difference; 130 interrupted.\n"
	    ".SH ENVIRONMENT\n"
	    "Every setting has a name here: \\fBEDDY_WEB_LISTEN\\fR is web.listen. A secret can come from a file: "
	    "\\fBEDDY_WEB_TOKEN_FILE\\fR. Also understood: SLACK_APP_TOKEN, SLACK_BOT_TOKEN, ANTHROPIC_API_KEY, OPENAI_API_KEY, "
	    "DATABASE_URL. \\fBNO_COLOR\\fR turns colours off.\n"
	    ".SH FILES\n"
	    "\\fIeddy.yaml\\fR, \\fI/etc/eddy/eddy.yaml\\fR: settings. \\fI/var/lib/eddy\\fR (root) or \\fI~/.local/share/eddy\\fR: "
	    "the private database and the token for this machine's terminal.\n");
}

void command_completion(struct buf *out)
{
	buf_add_str(out,
	    "# bash completion for eddy; made from its command table\n_eddy()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} first='' second='' i\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tcase ${COMP_WORDS[i]} in\n"
	    "\t\t-c | -s | --config | --set | --url | --thread) i=$((i + 1)) ;;\n"
	    "\t\t-*) ;;\n"
	    "\t\t*) if [ -z \"$first\" ]; then first=${COMP_WORDS[i]}; else second=${second:-${COMP_WORDS[i]}}; fi ;;\n"
	    "\t\tesac\n\tdone\n"
	    "\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n"
	    "\t-c | --config) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
	    "\tesac\n"
	    "\tif [[ $cur == -* ]]; then\n\t\tlocal flags='");
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		if (options[i].global)
			buf_addf(out, "%s--%s", i ? " " : "", options[i].name);
	buf_add_str(out, "'\n\t\tcase \"$first $second\" in\n");
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (c->options[0] == '\0' || c->hidden)
			continue;
		buf_addf(out, "\t\t\"%s%s\"*) flags+='", c->name, strchr(c->name, ' ') == NULL ? " " : "");
		for (size_t i = 0; i < OPTIONS_LEN; i++)
			if (strchr(c->options, options[i].letter) != NULL)
				buf_addf(out, " --%s", options[i].name);
		buf_add_str(out, "' ;;\n");
	}
	buf_add_str(out,
	    "\t\tesac\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$cur\")\n\t\treturn\n\tfi\n"
	    "\tif [ -z \"$first\" ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '");
	const char *last = "";
	bool any = false;
	for (const struct command *c = commands; c->name != NULL; c++) {
		size_t n = strcspn(c->name, " ");
		if (c->hidden || (strncmp(c->name, last, n) == 0 && (last[n] == ' ' || last[n] == '\0')))
			continue;
		buf_addf(out, "%s%.*s", any ? " " : "", (int)n, c->name);
		any = true;
		last = c->name;
	}
	buf_add_str(out, "' -- \"$cur\")\n\t\treturn\n\tfi\n\t[ -n \"$second\" ] && return\n\tcase $first in\n");
	last = "";
	for (const struct command *c = commands; c->name != NULL; c++) {
		size_t n = strcspn(c->name, " ");
		if (c->hidden || c->name[n] == '\0' || strncmp(c->name, last, n + 1) == 0)
			continue;
		last = c->name;
		buf_addf(out, "\t%.*s) mapfile -t COMPREPLY < <(compgen -W '", (int)n, c->name);
		bool more = false;
		for (const struct command *d = commands; d->name != NULL; d++)
			if (!d->hidden && strncmp(d->name, c->name, n + 1) == 0) {
				buf_addf(out, "%s%s", more ? " " : "", d->name + n + 1);
				more = true;
			}
		buf_add_str(out, "' -- \"$cur\") ;;\n");
	}
	buf_add_str(
	    out, "\tbackup | restore) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n\tesac\n}\ncomplete -F _eddy eddy\n");
}

/* ---- parsing ---- */

static int usage(const char *about, const char *what)
{
	cli_complain("%s%s%s (try: eddy --help)", about, what == NULL ? "" : ": ", what == NULL ? "" : what);
	return EXIT_USAGE;
}

/* How far two words are apart, roughly; for "did you mean". */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);
	if (n >= 63 || strlen(a) >= 63)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t before = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j], best = before + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			before = up;
			row[j] = best;
		}
	}
	return row[n];
}

static int unknown_command(const char *word)
{
	const struct command *near = NULL;
	size_t best = 3;
	for (const struct command *c = commands; c->name != NULL; c++) {
		char first[32];
		snprintf(first, sizeof first, "%.*s", (int)strcspn(c->name, " "), c->name);
		size_t d = distance(word, first);
		if (!c->hidden && d < best) {
			best = d;
			near = c;
		}
	}
	if (near != NULL)
		cli_complain("there is no command \"%s\"; did you mean \"%.*s\"? (try: eddy --help)", word,
		    (int)strcspn(near->name, " "), near->name);
	else
		cli_complain("there is no command \"%s\" (try: eddy --help)", word);
	return EXIT_USAGE;
}

/* -1: go on; else an exit code.  ${allowed}: letters of the command's own options. */
static int take_options(struct cli *c, int argc, char **argv, const char *allowed, bool stop_at_word, bool *help)
{
	static const int shift = 256;
	struct option longs[OPTIONS_LEN + 1];
	memset(longs, 0, sizeof longs);
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		longs[i] = (struct option){ .name = options[i].name, .has_arg = options[i].arg != NULL, .val = shift + (int)i };
	int o;
	opterr = 0;
	while ((o = getopt_long(argc, argv, stop_at_word ? "+:c:s:vh" : ":c:s:vh", longs, NULL)) != -1) {
		const struct option_row *row = NULL;
		if (o == ':')
			return usage(argv[optind - 1], "needs a value");
		if (o >= shift)
			row = &options[o - shift];
		else
			for (size_t i = 0; i < OPTIONS_LEN; i++)
				if (options[i].letter == o)
					row = &options[i];
		if (row == NULL)
			return usage("unknown option", argv[optind - 1]);
		if (!row->global && strchr(allowed, row->letter) == NULL)
			return usage("this option is not for this command", argv[optind - 1]);
		switch (row->letter) {
		case 'c':
			c->config_file = optarg;
			break;
		case 's':
			if (strchr(optarg, '=') == NULL)
				return usage("-s wants NAME=VALUE", optarg);
			c->overrides = xrealloc(c->overrides, (c->overrides_len + 2) * sizeof(char *));
			c->overrides[c->overrides_len++] = xstrdup(optarg);
			c->overrides[c->overrides_len] = NULL;
			/* It may be a secret, and everybody on this machine reads the arguments of a process. */
			explicit_bzero(optarg, strlen(optarg));
			break;
		case 'v':
			c->verbose = true;
			break;
		case 'h':
			*help = true;
			break;
		case 'V':
			return cmd_version(c);
		case 'I':
			c->insecure = true;
			break;
		case 'L':
			c->link = true;
			break;
		case 'U':
			c->url = optarg;
			break;
		case 'T':
			c->thread = optarg;
			break;
		case 'F':
			c->since = optarg;
			break;
		case 'E':
			c->until = optarg;
			break;
		case 'W':
			c->person = optarg;
			break;
		case 'Q':
			c->run = optarg;
			break;
		case 'G':
			c->limit = optarg;
			break;
		case 'J':
			c->json = true;
			break;
		case 'Z':
			c->dry = true;
			break;
		case 'B':
			c->yes = optarg;
			break;
		case 'R':
			c->replace = true;
			break;
		case 'N':
			c->unit = true;
			break;
		case 'P':
			c->receipt = optarg;
			break;
		case 'D':
			c->days = optarg;
			break;
		case 'M':
			c->own_key = true;
			break;
		case 'S':
			c->slug = optarg;
			break;
		case 'X':
			c->erase = true;
			break;
		case 'K':
			c->lock = optarg;
			break;
		case 'Y':
			c->unlock = optarg;
			break;
		case 'O':
			c->own_addresses = xrealloc(c->own_addresses, (c->own_len + 1) * sizeof(char *));
			c->own_addresses[c->own_len++] = optarg;
			break;
		case 'A':
			c->trusted_hosts = xrealloc(c->trusted_hosts, (c->trusted_len + 1) * sizeof(char *));
			c->trusted_hosts[c->trusted_len++] = optarg;
			break;
		default:
			break;
		}
	}
	return -1;
}

static int show_help(const char *name)
{
	struct buf b = BUF_INIT;
	int r = command_help(name, &b) ? EXIT_OK : unknown_command(name == NULL ? "" : name);
	if (r == EXIT_OK)
		fwrite(b.p, 1, b.len, stdout);
	buf_done(&b);
	return r;
}

/* A core file would hold every secret and what people are writing, whatever the command.  The second also keeps it from a program that the kernel pipes it to. */
static void no_core_files(void)
{
	const struct rlimit none = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its search for leaks looks into the process */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int command_main(struct cli *c, int argc, char **argv)
{
	no_core_files();
	bool help = false;
	optind = 0;
	int r = take_options(c, argc, argv, "", true, &help);
	if (r != -1)
		return r;
	if (optind >= argc) {
		if (help)
			return show_help(NULL);
		struct buf b = BUF_INIT;
		command_help(NULL, &b);
		fwrite(b.p, 1, b.len, stderr);
		buf_done(&b);
		return EXIT_USAGE;
	}
	const char *first = argv[optind], *second = optind + 1 < argc ? argv[optind + 1] : NULL;
	const struct command *cmd = NULL;
	bool group = false;
	int words = 1;
	for (const struct command *k = commands; k->name != NULL; k++) {
		size_t n = strlen(first);
		if (strcmp(k->name, first) == 0) {
			cmd = k;
		} else if (strncmp(k->name, first, n) == 0 && k->name[n] == ' ') {
			group = true;
			if (second != NULL && strcmp(k->name + n + 1, second) == 0) {
				cmd = k;
				words = 2;
			}
		}
	}
	if (cmd == NULL && group) {
		if (help || (second != NULL && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)))
			return show_help(first);
		struct buf b = BUF_INIT;
		command_help(first, &b);
		cli_complain("\"%s\" needs one of its own words:", first);
		fwrite(b.p, 1, b.len, stderr);
		buf_done(&b);
		return EXIT_USAGE;
	}
	if (cmd == NULL)
		return unknown_command(first);
	int skip = optind + words - 1;
	argv[skip] = argv[0];
	argc -= skip;
	argv += skip;
	optind = 0;
	/* A question may hold words that look like options: after its first word nothing is one. */
	if ((r = take_options(c, argc, argv, cmd->options, cmd->args_max < 0, &help)) != -1)
		return r;
	if (help)
		return show_help(cmd->name);
	c->argc = argc - optind;
	c->argv = argv + optind;
	if (c->argc < cmd->args_min) {
		char what[64];
		snprintf(what, sizeof what, "%s is missing", cmd->args);
		return usage(cmd->name, what);
	}
	if (cmd->args_max >= 0 && c->argc > cmd->args_max)
		return usage("one word too many", c->argv[cmd->args_max]);
	return cmd->run(c);
}
