-- Facilities and the legs between them: I1 (hubs), I2 (fulfillment centers), I2b (legs), I3 (pincode ranges).
-- A hub or an FC is one row in `facilities` and one in its own table; (code, kind) in the foreign key
-- makes it impossible that a code is an airport in one and an FC in the other.

-- migrate:up
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE facilities (
    code text PRIMARY KEY CONSTRAINT facility_code_is_well_formed CHECK (code ~ '^[A-Z][A-Z0-9]{1,9}$'),
    kind text NOT NULL CONSTRAINT facility_kind_is_known CHECK (kind IN ('fc', 'airport', 'seaport')),
    name text NOT NULL,
    state text NOT NULL DEFAULT '',
    latitude double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    time_zone text NOT NULL DEFAULT 'Asia/Kolkata',
    handling_minutes integer NOT NULL CHECK (handling_minutes >= 0),
    -- open: takes work. draining: refuses new work, what is there still leaves. closed: gone from the network.
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'draining', 'closed')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT facility_has_one_kind UNIQUE (code, kind)
);

CREATE TABLE hubs (
    hub_code text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('airport', 'seaport')),
    FOREIGN KEY (hub_code, kind) REFERENCES facilities (code, kind) ON DELETE CASCADE
);

CREATE TABLE fulfillment_centers (
    fc_code text PRIMARY KEY,
    kind text NOT NULL DEFAULT 'fc' CHECK (kind = 'fc'),
    capacity_units integer NOT NULL DEFAULT 100000 CHECK (capacity_units >= 0),
    cut_off time NOT NULL DEFAULT '18:00',
    home_hub_code text REFERENCES hubs (hub_code) ON DELETE SET NULL, -- written when a version of route tables is published
    FOREIGN KEY (fc_code, kind) REFERENCES facilities (code, kind) ON DELETE CASCADE
);
CREATE INDEX fulfillment_centers_by_home_hub ON fulfillment_centers (home_hub_code);

CREATE TABLE legs (
    origin text NOT NULL REFERENCES facilities (code) ON DELETE CASCADE,
    destination text NOT NULL REFERENCES facilities (code) ON DELETE CASCADE,
    mode text NOT NULL CONSTRAINT leg_mode_is_known CHECK (mode IN ('road', 'air', 'sea')),
    transit_minutes integer NOT NULL CHECK (transit_minutes >= 0),
    distance_km double precision CHECK (distance_km >= 0),
    departure_times time[] NOT NULL DEFAULT '{}', -- local times of the origin; empty: no timetable
    PRIMARY KEY (origin, destination, mode),
    CONSTRAINT leg_leads_elsewhere CHECK (origin <> destination)
);
CREATE INDEX legs_by_destination ON legs (destination);

CREATE TABLE pincode_ranges (
    fc_code text NOT NULL REFERENCES fulfillment_centers (fc_code) ON DELETE CASCADE,
    pincodes int4range NOT NULL,
    CONSTRAINT pincodes_have_six_digits CHECK (
        NOT isempty(pincodes) AND lower(pincodes) >= 100000 AND upper(pincodes) <= 1000000
    ),
    CONSTRAINT pincode_is_served_once EXCLUDE USING gist (pincodes WITH &&)
);
CREATE INDEX pincode_ranges_by_fc ON pincode_ranges (fc_code);

-- One row a build of route tables; `version` orders them and never goes back.
CREATE TABLE route_builds (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason text NOT NULL,
    status text NOT NULL DEFAULT 'requested'
        CHECK (status IN ('requested', 'building', 'published', 'superseded', 'failed')),
    requested_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    tables_count integer,
    written_count integer,
    packages_replanned_count integer,
    build_ms double precision,
    error text
);
CREATE INDEX route_builds_open ON route_builds (version) WHERE status IN ('requested', 'building');

-- migrate:down
DROP TABLE route_builds, pincode_ranges, legs, fulfillment_centers, hubs, facilities;
