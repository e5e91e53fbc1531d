-- Takes the whole foundation back.  Data is gone afterwards: `eddy backup` first.

SET LOCAL ROLE :"search";
DROP FUNCTION search_messages;
SET LOCAL ROLE :"owner";
DROP FUNCTION tidy_statistics;
DROP FUNCTION tidy_search;

DROP TABLE adapter_notes, audit, budget_holds, budget_days, dispatch, outbox, model_calls, run_steps, runs, agents, reactions,
	messages, inbox_rejected, inbox, threads, identities, people, places, audiences, installs, workspaces;
DROP TEXT SEARCH CONFIGURATION plain;
