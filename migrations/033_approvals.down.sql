DROP FUNCTION approval_may_go, approval_refusal, may_tell, may_write;
DROP TRIGGER approval_forget ON run_steps;
DROP TABLE approvals;
DROP FUNCTION approval_forget, approval_one_way;
ALTER TABLE runs DROP COLUMN untrusted;
