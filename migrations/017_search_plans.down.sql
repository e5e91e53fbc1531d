SET LOCAL ROLE :"search";
ALTER FUNCTION search_messages ROWS 1000;
ALTER FUNCTION search_made ROWS 1000;
ALTER FUNCTION search_made SET plan_cache_mode = force_custom_plan;
SET LOCAL ROLE :"owner";
