SELECT e.account_id, e.w, e.usage_type, e.zone_id, IF(@java, k.first_domain_id, k.domain_id) AS domain_id,
       e.description, e.display, CAST(e.quantity AS CHAR) AS quantity,
       -- Hours are 32-bit floats after each step.
       IF(e.display IS NULL,
          CAST(CAST(CAST(CAST(CAST(CAST(e.quantity AS FLOAT) / 1000 AS FLOAT) / 60 AS FLOAT) / 60 AS FLOAT) AS DOUBLE) AS CHAR),
          CAST(e.quantity AS CHAR)) AS raw_usage, e.vm_instance_id, e.vm_name, e.offering_id,
       e.template_id, e.usage_id, e.type, e.size, e.network_id, e.virtual_size, e.cpu_speed, e.cpu_cores, e.memory,
       e.is_hidden, e.state, IFNULL(e.begin_s, k.ws) AS start_s, IFNULL(e.end_s, k.we - 1) AS end_s
FROM expected e JOIN known k USING (account_id, w);
