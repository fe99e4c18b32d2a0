-- Reports of reconciliations count what was checked, repaired and left, and have one list of findings.

-- migrate:up
UPDATE reconciliations
   SET report = jsonb_build_object(
       'invariants', (
           SELECT jsonb_agg(each || jsonb_build_object(
                      'checked', 0, 'repaired', 0, 'needs_a_person', each -> 'broken', 'left', 0))
             FROM jsonb_array_elements(report -> 'invariants') AS each),
       'findings', (
           SELECT coalesce(jsonb_agg(each || '{"subject": "", "outcome": "needs a person"}'), '[]')
             FROM jsonb_array_elements(report -> 'needs_a_person') AS each))
 WHERE NOT report ? 'findings';

-- migrate:down
UPDATE reconciliations SET report = NULL WHERE report ? 'findings';
