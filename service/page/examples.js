/** Texts to try. All that they tell is invented. */

/** @type {{name: string, text: string}[]} */
export const EXAMPLES = [
  {
    name: "Fishing waters",
    text: `OSLO — Norway accused Britain on Monday of letting trawlers fish inside its protected waters. The Norwegian coast guard seized a British trawler north of Bodø at dawn. London called the seizure unlawful and demanded the release of the ship. Iceland backed Norway and offered two patrol vessels.

Denmark urged Britain and Norway to settle the matter at the table. The British government threatened Norway with a ban on salmon imports. Fish prices rose in Aberdeen and Bergen. Germany and Sweden signed a separate agreement on cod quotas.

Norwegian officials thanked Iceland for its support. France criticised Britain for breaking the quota deal. A new round of talks is planned for June. Late on Monday Norway released the trawler, and London welcomed the decision.`,
  },
  {
    name: "River treaty",
    text: `CAIRO — Egypt and Sudan signed a water treaty on Thursday after two years of talks. The two countries pledged to share data on the river every week. Ethiopia rejected the treaty and said it would fill its reservoir as planned. Cairo condemned the Ethiopian plan as a threat.

Kenya offered to mediate between Egypt and Ethiopia. Uganda praised Kenya for the offer. Sudan warned Ethiopia against closing the gates of the dam. Rain has been poor in the highlands this year. The United States promised Sudan aid for new pumps.

Saudi Arabia and Egypt agreed to build a canal together. The Ethiopian foreign ministry accused Egypt of blocking loans. Envoys of all sides meet again in Nairobi next month.`,
  },
  {
    name: "Trade pact",
    text: `TOKYO — Japan and South Korea signed a trade agreement on Wednesday. China denounced the agreement and summoned the Japanese ambassador. Australia welcomed the pact and praised Tokyo for its patience. Beijing imposed tariffs on Japanese steel hours later. The Japanese government called the tariffs unjust.

Vietnam thanked Japan for a loan to its railways. The Philippines protested against Chinese ships near its coast. Seoul declined to comment. India and Australia will hold joint naval exercises in autumn. Canada joined Japan in criticising China.

Chinese officials met a delegation from New Zealand. Shares in Osaka closed little changed. South Korea lifted its ban on Japanese seafood.`,
  },
];
