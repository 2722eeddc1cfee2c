const SIDES = new Set(["left", "right"]);

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** An organ's name as people write it: "kidney_right" → "Right kidney", "vertebrae_T12" → "Vertebra T12". */
export function organTitle(name: string): string {
  const words = name
    .replace(/^vertebrae_/, "vertebra_")
    .replace(/^tissue_soft$/, "soft_tissue")
    .replace(/^tissue_/, "")
    .split("_")
    .filter(Boolean);
  const side = words.find((word) => SIDES.has(word));
  const rest = words.filter((word) => word !== side);
  return capitalised([...(side ? [side] : []), ...rest].join(" "));
}

/** A group's name without what a list says anyway: "CardioVascular Group (Heart & Vessels)" → "Cardiovascular". */
export function groupTitle(group: string): string {
  const plain = group
    .replace(/\(.*?\)/g, "")
    .replace(/\bgroup\b/i, "")
    .trim();
  return capitalised(plain.toLowerCase()) || group;
}
