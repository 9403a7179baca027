// A stand-in for a model that needs no network. It sums up by leaving sentences out: those about
// urgency and feelings, unless the prompt tells it to say how urgent it is, and how people feel.
const URGENT = /is down|tonight|tomorrow|right now/;
const FEELING = /unacceptable|worried/;

export default class StandIn {
  constructor({ config }) {
    this.config = config;
  }

  id() {
    return `stand-in:${this.config.model}`;
  }

  async callApi(prompt) {
    if (!this.config.model.startsWith('gpt-4.1')) {
      return { error: `there is no model ${this.config.model}` };
    }
    const [asked, ticket] = wording(prompt).split(/^Ticket:\n/m);
    if (!ticket) return { error: 'there is no ticket in the prompt' };
    const kept = ticket
      .trim()
      .split(/(?<=[.!?])\s+/)
      .filter((sentence) => asked.includes('urgent') || !URGENT.test(sentence))
      .filter((sentence) => asked.includes('feels') || !FEELING.test(sentence));
    const words = kept.join(' ').split(' ').slice(0, this.config.max_tokens);
    return { output: words.join(' ') };
  }
}

// What is said in a chat, or the text.
function wording(prompt) {
  if (!/^\[\s*\{/.test(prompt)) return prompt;
  return JSON.parse(prompt)
    .map(({ content }) => content)
    .join('\n');
}
