import type { StoryEvent } from './cloud-story.ts';

/** Events of one machine, its volume, its address and load balancers, as a cloud writes them; `columns` change any. */
export const vm = (type: string, created: string, columns: object = {}): StoryEvent => ({
  ...{ type, created, resource_id: 7, resource_name: 'web', offering_id: 21, template_id: 11 },
  ...{ resource_type: 'KVM', ...columns },
});
export const volume = (type: string, created: string, columns: object = {}): StoryEvent => ({
  ...{ type, created, resource_id: 9, resource_name: 'ROOT-7', offering_id: 31, template_id: 11 },
  ...{ size: 1024, ...columns },
});
export const ip = (type: string, created: string, columns: object = {}): StoryEvent => ({
  ...{ type, created, resource_id: 4, resource_name: '203.0.113.4', size: 0, ...columns },
});
export const balancer = (id: number, created: string): StoryEvent => ({
  ...{ type: 'LB.CREATE', created, resource_id: id, resource_name: `lb-${id}` },
});
