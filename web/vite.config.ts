import { defineConfig, type Plugin } from "vite";

/** Put the script and the style into the page itself, so that the one file works from disk. */
function singleFile(): Plugin {
  return {
    name: "single-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["viewer.html"];
      if (page?.type !== "asset") throw new Error("the build has no viewer.html");
      let html = String(page.source);
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === "chunk") {
          // A closing tag inside the code would end the element that holds it.
          const code = part.code.replaceAll("</script", "<\\/script");
          html = html.replace(/<script type="module"[^>]*><\/script>/, "");
          html = html.replace("</body>", () => `<script type="module">${code}</script>\n</body>`);
          delete bundle[name];
        } else if (name.endsWith(".css")) {
          html = html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${part.source}</style>`);
          delete bundle[name];
        }
      }
      page.source = html;
    },
  };
}

export default defineConfig({
  plugins: [singleFile()],
  base: "./",
  // Browsers start no module workers for pages opened from disk.
  worker: { format: "iife" },
  build: {
    outDir: "../src/tomosplat/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    rolldownOptions: { input: "viewer.html" },
  },
});
