import type { Organ } from "../../scene/types";
import type { ViewState } from "../../state";
import { groupTitle, organTitle } from "./names";

export interface OrganGroup {
  index: number;
  title: string;
  organs: Organ[];
}

export type Shown = "all" | "some" | "none";
type Visibility = Pick<ViewState, "visible" | "opacity">;

/** Organs by group, in the order of the scene's list. */
export function grouped(organs: readonly Organ[]): OrganGroup[] {
  const groups = new Map<number, OrganGroup>();
  for (const organ of organs) {
    const group = groups.get(organ.group_index);
    if (group) group.organs.push(organ);
    else groups.set(organ.group_index, { index: organ.group_index, title: groupTitle(organ.group), organs: [organ] });
  }
  return [...groups.values()];
}

/** Groups with the organs whose own or whose group's name holds every word of the search. */
export function searched(groups: readonly OrganGroup[], search: string): OrganGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (organ: Organ, group: OrganGroup) => {
    const text = `${organTitle(organ.name)} ${organ.name} ${group.title} ${organ.group}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return groups
    .map((group) => ({ ...group, organs: group.organs.filter((organ) => matches(organ, group)) }))
    .filter((group) => group.organs.length > 0);
}

export function shownOf(organs: readonly Organ[], visible: readonly boolean[]): Shown {
  const on = organs.filter((organ) => visible[organ.id]).length;
  return on === 0 ? "none" : on === organs.length ? "all" : "some";
}

/** Switch some organs. */
export function switched({ visible }: Visibility, organs: readonly Organ[], on: boolean): Pick<ViewState, "visible"> {
  const next = [...visible];
  for (const { id } of organs) next[id] = on;
  return { visible: next };
}

/** Give some organs an opacity. */
export function faded({ opacity }: Visibility, organs: readonly Organ[], part: number): Pick<ViewState, "opacity"> {
  const next = [...opacity];
  for (const { id } of organs) next[id] = part;
  return { opacity: next };
}

/** Whether these organs, and no others of the scene, are shown. */
export function isAlone(organs: readonly Organ[], all: readonly Organ[], visible: readonly boolean[]): boolean {
  const chosen = new Set(organs.map(({ id }) => id));
  return all.every(({ id }) => visible[id] === chosen.has(id));
}

export const countOf = (organs: readonly Organ[]): number => organs.reduce((sum, { count }) => sum + count, 0);
