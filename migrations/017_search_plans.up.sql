-- Planning the three parts of search_made() takes longer than running them; and how many rows the two give.
SET LOCAL ROLE :"search";
ALTER FUNCTION search_made SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION search_made ROWS 20;
ALTER FUNCTION search_messages ROWS 1;
SET LOCAL ROLE :"owner";
