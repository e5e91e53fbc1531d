-- Planning its three parts takes longer than running them.
SET LOCAL ROLE :"search";
ALTER FUNCTION search_made SET plan_cache_mode = force_generic_plan;
SET LOCAL ROLE :"owner";
