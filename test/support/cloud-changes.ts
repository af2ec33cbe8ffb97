import type { Connection } from '../../src/platform/mysql.ts';

/** Rows of every captured table, in the columns that are captured: NULLs, all alphabets, numbers at their limits. */
export async function fillCloud(sql: Connection): Promise<void> {
  await sql.query(`
    INSERT INTO configuration (instance, name, value) VALUES
      ('DEFAULT', 'usage.stats.job.aggregation.range', '60'), ('DEFAULT', 'usage.aggregation.timezone', NULL);
    INSERT INTO account (id, account_name, uuid, type, role_id, domain_id, removed) VALUES
      (2, 'ada é😀"\\\\', 'u-2', 0, 1, 1, NULL), (3, NULL, NULL, 2, NULL, NULL, '2026-02-28 23:59:59'),
      (18446744073709551615, 'last', 'u-3', 4294967295, 0, 0, NULL);
    INSERT INTO user_statistics (data_center_id, account_id, public_ip_address, device_id, device_type, network_id, agg_bytes_sent)
      VALUES (1, 2, '10.0.0.1', 5, 'DomainRouter', 7, 18446744073709551615), (1, 3, NULL, 6, 'DomainRouter', NULL, 9223372036854775808);
    INSERT INTO vm_disk_statistics (data_center_id, account_id, vm_id, volume_id, agg_bytes_read) VALUES (1, 2, 8, 9, 9007199254740993);
    INSERT INTO bucket_statistics (account_id, bucket_id, size) VALUES (2, 1, NULL), (2, 1, 9223372036854775807);
    INSERT INTO bucket (id, name, object_store_id, state, uuid, domain_id, account_id, access_key, secret_key)
      VALUES (1, 'b', '1', 'Created', 'u', 1, 3, 'AKIA', 'secret');
    INSERT INTO vm_template (id, unique_name, name, public, featured, hvm, bits, format, created, account_id, guest_os_id)
      VALUES (9, 't', 't', 1, 0, 1, 64, 'QCOW2', '2026-01-01', 2, 1);
    INSERT INTO usage_event (id, type, account_id, created, zone_id, resource_id, resource_name, size) VALUES
      (1, 'VM.CREATE', 2, '2026-03-01 00:00:00', 1, 1, 'vm é😀\\n\\t', NULL), (2, 'VM.START', 2, '2026-03-01 00:00:01', 1, 1, NULL, 18446744073709551615),
      (3, 'VOLUME.CREATE', 3, '2026-03-01 00:00:02', 0, NULL, '', 9007199254740993), (4, 'VM.STOP', 2, '9999-12-31 23:59:59', 1, 1, 'x', 0);
    INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (1, 'cpuNumber', '2'), (1, 'memory', '');
  `);
}

/**
 * Inserts, updates, deletes and changed keys in every captured table, some in transactions of many
 * rows; statements of other tables and a rollback between them.
 */
export async function changeCloud(sql: Connection): Promise<void> {
  await sql.query(`
    INSERT INTO usage_event (type, account_id, created, zone_id, resource_name) VALUES ('VM.START', 2, '1999-12-31 00:00:00', 1, '\u{10FFFF}\u0001\u007f\u2028');
    UPDATE usage_event SET processed = 1 WHERE id <= 2;
    UPDATE usage_event SET id = 1000000 WHERE id = 4;
    DELETE FROM usage_event WHERE id = 3;
    BEGIN;
    INSERT INTO usage_event (id, type, account_id, created, zone_id, vm_id, virtual_size)
      VALUES (2000000, 'A', 2, '2026-03-01 01:00:00', 1, NULL, 5), (2000001, 'B', 3, '2026-03-01 01:00:00', 1, 7, NULL);
    INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (2000000, 'cpuSpeed', '1000'), (2000001, 'é', 'ü');
    UPDATE user_statistics SET agg_bytes_sent = agg_bytes_sent - 1, network_id = NULL;
    INSERT INTO account (id, account_name, type) VALUES (4, 'new', 0);
    COMMIT;
    BEGIN; INSERT INTO usage_event (type, account_id, created, zone_id) VALUES ('NEVER', 2, '2026-03-01', 1); ROLLBACK;
    UPDATE account SET removed = '2026-03-02 00:00:00.5', cleanup_needed = 1 WHERE id = 2;
    UPDATE account SET id = 77 WHERE id = 3;
    DELETE FROM account WHERE id = 18446744073709551615;
    UPDATE configuration SET value = '1440' WHERE name = 'usage.stats.job.aggregation.range';
    DELETE FROM configuration WHERE name = 'usage.aggregation.timezone';
    INSERT INTO configuration (instance, name, value) VALUES ('DEFAULT', 'quota.enable.service', 'true');
    UPDATE configuration SET name = 'enable.usage.server' WHERE name = 'quota.enable.service';
    UPDATE vm_disk_statistics SET net_io_read = 18446744073709551615, agg_io_write = 1;
    DELETE FROM vm_disk_statistics;
    UPDATE bucket_statistics SET size = 3 WHERE size IS NULL;
    UPDATE bucket SET removed = '2026-03-01 00:00:00' WHERE id = 1;
    DELETE FROM bucket;
    UPDATE vm_template SET account_id = 3, public = 0 WHERE id = 9;
    UPDATE vm_template SET id = 10 WHERE id = 9;
    CREATE TABLE other (id INT PRIMARY KEY); INSERT INTO other VALUES (1), (2); DROP TABLE other;
    INSERT INTO vm_template (id, unique_name, name, public, featured, hvm, bits, format, created, account_id, guest_os_id)
      SELECT 100 + seq, seq, seq, 1, 0, 1, 64, 'QCOW2', '2026-01-01', 2, 1 FROM (SELECT 1 seq UNION SELECT 2 UNION SELECT 3) s;
  `);
  // Rows events of several rows, and several of them in one transaction.
  const rows = Array.from({ length: 400 }, (_, i) => [
    'MANY',
    2 + (i % 2),
    '2026-03-01 02:00:00',
    1,
    `${'n'.repeat(100)}${i}`,
  ]);
  await sql.query(
    'INSERT INTO usage_event (type, account_id, created, zone_id, resource_name) VALUES ?',
    [rows],
  );
  await sql.query("UPDATE usage_event SET size = 1 WHERE type = 'MANY'");
  await sql.query("DELETE FROM usage_event WHERE type = 'MANY' AND id % 3 = 0");
}
