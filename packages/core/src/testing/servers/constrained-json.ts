import { z } from 'zod';

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;

/** The part of JSON Schema that servers hold answers to; further keywords are kept. */
const nodeSchema = z.looseObject({
  type: z.enum(TYPES).optional(),
  enum: z.array(z.json()).min(1).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.boolean().optional(),
  get anyOf() {
    return z.array(nodeSchema).min(1).optional();
  },
  get items() {
    return nodeSchema.optional();
  },
  get properties() {
    return z.record(z.string(), nodeSchema).optional();
  },
});
export type JsonSchema = z.infer<typeof nodeSchema>;
export const jsonSchema: z.ZodType<JsonSchema> = nodeSchema;

const SIMPLEST = { string: '', number: 0, integer: 0, boolean: false, null: null } as const;

/** The simplest value that a schema allows. */
function simplest({ type = 'null', enum: values, anyOf, properties = {} }: JsonSchema): z.core.util.JSONType {
  if (values !== undefined) return values[0] ?? null;
  if (anyOf !== undefined) return simplest(anyOf[0]!);
  if (type !== 'object') return type === 'array' ? [] : SIMPLEST[type];
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, simplest(schema)]));
}

function fits(text: string, schema: JsonSchema): boolean {
  try {
    return z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema).safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

/** The JSON that a model held to a schema comes to: its own text where that is such JSON, else the simplest. */
export function constrainJson(text: string, schema: JsonSchema): string {
  return fits(text, schema) ? text : JSON.stringify(simplest(schema));
}

/** Why OpenAI's strict mode does not take a schema; null when it does. */
export function strictViolation(schema: JsonSchema): string | null {
  const { properties = {}, required = [], additionalProperties, items, anyOf = [] } = schema;
  if (schema.type === 'object') {
    if (additionalProperties !== false) return "'additionalProperties' is required to be supplied and to be false.";
    const missing = Object.keys(properties).find((name) => !required.includes(name));
    if (missing !== undefined) return `'required' is required to be an array with every key. Missing '${missing}'.`;
  }
  const inner = [...Object.values(properties), ...anyOf, ...(items === undefined ? [] : [items])];
  return inner.map(strictViolation).find((violation) => violation !== null) ?? null;
}
