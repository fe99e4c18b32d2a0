-- When things run: legs depart by weekday, FCs have holidays, weekdays on which they are closed, and a last mile of their own.
-- A departure is text, as people write it: '06:30:00' is daily, 'mon,thu 21:15:00' leaves on those weekdays.

-- migrate:up
ALTER TABLE legs ALTER COLUMN departure_times DROP DEFAULT;
ALTER TABLE legs ALTER COLUMN departure_times TYPE text[] USING departure_times::text[];
ALTER TABLE legs ALTER COLUMN departure_times SET DEFAULT '{}';
ALTER TABLE legs ADD CONSTRAINT departure_times_are_well_formed CHECK (
    departure_times = '{}' OR array_to_string(departure_times, ';', '') ~ (
        '^(((mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun))* )?'
        '([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(;(?=.)|$))+$'
    )
);

ALTER TABLE fulfillment_centers
    ADD COLUMN last_mile_minutes integer NOT NULL DEFAULT 1440
        CONSTRAINT last_mile_is_not_negative CHECK (last_mile_minutes >= 0),
    ADD COLUMN closed_weekdays text[] NOT NULL DEFAULT '{}'
        CONSTRAINT fc_works_on_some_weekday CHECK (
            closed_weekdays <@ ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
            AND NOT closed_weekdays @> ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
        );

CREATE TABLE holidays (
    day date NOT NULL,
    fc_code text REFERENCES fulfillment_centers (fc_code) ON DELETE CASCADE, -- NULL: of all FCs
    name text NOT NULL
);
CREATE UNIQUE INDEX holiday_of_an_fc_is_once ON holidays (fc_code, day) WHERE fc_code IS NOT NULL;
CREATE UNIQUE INDEX holiday_of_all_is_once ON holidays (day) WHERE fc_code IS NULL;

-- migrate:down
DROP TABLE holidays;
ALTER TABLE fulfillment_centers DROP COLUMN last_mile_minutes, DROP COLUMN closed_weekdays;
ALTER TABLE legs DROP CONSTRAINT departure_times_are_well_formed;
ALTER TABLE legs ALTER COLUMN departure_times DROP DEFAULT;
-- What left on some weekdays leaves daily again: the column can't hold more.
ALTER TABLE legs ALTER COLUMN departure_times TYPE time[] USING string_to_array(
    regexp_replace(array_to_string(departure_times, ';'), '(^|;)[a-z,]+ ', '\1', 'g'), ';'
)::time[];
ALTER TABLE legs ALTER COLUMN departure_times SET DEFAULT '{}';
